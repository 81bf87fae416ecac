import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { decode, encode, TRUNCATED_RESPONSE, type Packet, type Question } from 'dns-packet';
import { listen, type Listening } from './listen.js';

export type Transport = 'udp' | 'tcp';

/** What of a packet a test cares for. */
export interface DnsReply extends Pick<Packet, 'answers' | 'authorities' | 'questions' | 'id'> {
  /** @default 0, NOERROR */
  rcode?: number;
  /** @default false */
  truncated?: boolean;
  /** How many bytes are missing at the end. @default 0 */
  missing?: number;
}

/** An answer, the bytes of one, several of either in turn, or `null` for silence. */
export type DnsAnswerer = (
  question: Question,
  transport: Transport,
) => DnsReply | Buffer | (DnsReply | Buffer)[] | null;

export const NXDOMAIN = { rcode: 3 };
export const SERVFAIL = { rcode: 2 };

/** A name server on a free port of 127.0.0.1, over UDP and TCP. */
export class DnsServer {
  /** Such as `udp SRV _http._tcp.users.internal`. */
  readonly questions: string[] = [];
  answer: DnsAnswerer = () => NXDOMAIN;
  readonly #tcp: Listening;
  readonly #udp: Socket;

  private constructor(tcp: Listening, udp: Socket) {
    this.#tcp = tcp;
    this.#udp = udp;
  }

  static async start(): Promise<DnsServer> {
    for (;;) {
      const streams = createServer((stream) => {
        stream.on('data', (chunk: Buffer) => {
          for (const reply of server.#replies(chunk.subarray(2), 'tcp')) {
            const length = Buffer.alloc(2);
            length.writeUInt16BE(reply.length);
            // In pieces, as a stream may come.
            for (const piece of [length.subarray(0, 1), length.subarray(1), reply]) stream.write(piece);
          }
        });
      });
      const udp = createSocket('udp4');
      const server = new DnsServer(await listen(streams), udp);
      udp.on('message', (message, { port, address }) => {
        for (const reply of server.#replies(message, 'udp')) udp.send(reply, port, address);
      });
      try {
        udp.bind(server.#tcp.port, '127.0.0.1');
        await once(udp, 'listening');
        return server;
      } catch {
        // Somebody has the same port for UDP.
        await server.#tcp.close();
      }
    }
  }

  /** For `servers` of a resolver. */
  get address(): string {
    return `127.0.0.1:${this.#tcp.port}`;
  }

  async close(): Promise<void> {
    this.#udp.close();
    await this.#tcp.close();
  }

  #replies(message: Buffer, transport: Transport): Buffer[] {
    const { id = 0, questions = [] } = decode(message);
    const [question] = questions;
    if (question === undefined) return [];
    this.questions.push(`${transport} ${question.type} ${question.name}`);
    const replies = [this.answer(question, transport) ?? []].flat();
    return replies.map((reply) => {
      if (Buffer.isBuffer(reply)) return reply;
      const { rcode = 0, truncated = false, missing = 0, ...rest } = reply;
      const flags = rcode | (truncated ? TRUNCATED_RESPONSE : 0);
      const bytes = encode({ type: 'response', id, flags, questions, ...rest });
      return bytes.subarray(0, bytes.length - missing);
    });
  }
}
