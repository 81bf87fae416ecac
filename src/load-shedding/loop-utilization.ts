/** A meter of the event loop of this thread: the share of time, from 0 to 1, in which it has worked since the last call. */
export function loopUtilization(): () => number {
  let last = performance.eventLoopUtilization();
  return function utilizationSinceLastCall() {
    const current = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(current, last);
    last = current;
    return utilization;
  };
}
