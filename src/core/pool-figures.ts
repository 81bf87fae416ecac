/** What goes on in the connections to an upstream. */
export interface PoolFigures {
  /** Connections that are open. */
  readonly open: number;
  /** Open connections that nothing runs on. */
  readonly idle: number;
  /** Requests that run. */
  readonly running: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
}
