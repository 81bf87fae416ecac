import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';

/** The public half of a new key for ES256, with a name where one is given. */
export function ecJwk(kid?: string, members: Record<string, unknown> = {}): JsonWebKey {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...publicKey.export({ format: 'jwk' }), ...(kid === undefined ? undefined : { kid }), ...members };
}

export function jsonAnswer(value: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), { headers: { 'content-type': 'application/json', ...headers } });
}

/** An issuer that answers as a test says, and counts. */
export class FakeIssuer {
  /** URLs that were asked for. */
  readonly asked: string[] = [];
  /** What the next requests get; by default the set of {@link keys}. */
  answer: (url: string) => Response | Promise<Response> = () => jsonAnswer({ keys: this.keys });
  keys: JsonWebKey[];

  constructor(...keys: JsonWebKey[]) {
    this.keys = keys;
  }

  get fetches(): number {
    return this.asked.length;
  }

  /** No answer to the next requests, until `resume`. */
  hold(): () => void {
    const { answer } = this;
    let resume = (): void => undefined;
    const held = new Promise<void>((resolve) => (resume = resolve));
    this.answer = async (url) => {
      await held;
      return answer(url);
    };
    return () => {
      this.answer = answer;
      resume();
    };
  }

  fail(status = 500): void {
    this.answer = () => new Response('down', { status });
  }

  recover(): void {
    this.answer = () => jsonAnswer({ keys: this.keys });
  }

  readonly fetch: typeof fetch = (input, init) => {
    const url = input as string;
    const { signal = null } = init ?? {};
    this.asked.push(url);
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
      Promise.resolve(this.answer(url)).then((response) => {
        if (signal?.aborted !== true) resolve(response);
      }, reject);
    });
  };
}
