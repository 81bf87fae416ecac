/** What one call of the endpoint ends with: an answer's members, a whole answer, or an error. */
export type Ending = Record<string, unknown> | Response | Error;

export interface FakeEndpoint {
  readonly fetch: typeof fetch;
  readonly requests: { readonly url: string; readonly headers: Headers; readonly body: URLSearchParams }[];
  /** How the next calls end, until it is set again. */
  ending: Ending;
  /** While true, calls wait for {@link release}, or for the end of their time. */
  holds: boolean;
  release(): void;
}

/** An introspection endpoint in the place of the network. */
export function fakeEndpoint(ending: Ending): FakeEndpoint {
  const waiting: (() => void)[] = [];
  const endpoint: FakeEndpoint = {
    requests: [],
    ending,
    holds: false,
    release() {
      for (const proceed of waiting.splice(0)) proceed();
    },
    async fetch(url, init = {}) {
      const { signal } = init;
      const body = new URLSearchParams(init.body as string);
      endpoint.requests.push({ url: url as string, headers: new Headers(init.headers), body });
      if (endpoint.holds)
        await new Promise<void>((resolve, reject) => {
          waiting.push(resolve);
          signal?.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        });
      if (endpoint.ending instanceof Error) throw endpoint.ending;
      if (endpoint.ending instanceof Response) return endpoint.ending.clone();
      return Response.json(endpoint.ending);
    },
  };
  return endpoint;
}
