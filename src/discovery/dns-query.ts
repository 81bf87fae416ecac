/** Asks name servers (RFC 1035) for what Node does not tell of their answers: how long a record lives. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { DecodedPacket, Question, SrvData } from 'dns-packet';
import type * as DnsPacket from 'dns-packet';
import type { Clock } from '../core/clock.js';
import { loadPeer } from '../core/load-peer.js';
import type { NameServer } from './name-server.js';

export interface SrvAnswer {
  /** None where there is no such name, or nothing of this type. */
  readonly records: readonly SrvData[];
  /** How long that holds; `null` where the answer does not tell. */
  readonly ttlSeconds: number | null;
}

export interface QueryOptions {
  readonly servers: readonly NameServer[];
  /** For one answer of one server. */
  readonly timeoutMs: number;
  /** Of each server. */
  readonly tries: number;
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Asks one server after the other, as often as it may. Rejects with the last failure. */
export async function querySrv(name: string, options: QueryOptions): Promise<SrvAnswer> {
  const { servers, tries, signal } = options;
  let failure = new Error('there is no name server');
  for (let attempt = 0; attempt < tries * servers.length && !signal.aborted; attempt++) {
    const server = servers[attempt % servers.length] as NameServer;
    try {
      return srvAnswer(await ask(server, { name, type: 'SRV' }, options));
    } catch (error) {
      failure = new Error(`name server ${server.address}: ${(error as Error).message}`);
    }
  }
  throw failure;
}

async function ask(server: NameServer, question: Question, options: QueryOptions): Promise<DecodedPacket> {
  const codec = loadPeer('dns-packet') as typeof DnsPacket;
  const id = randomInt(0x1_0000);
  const query = codec.encode({ type: 'query', id, flags: codec.RECURSION_DESIRED, questions: [question] });

  /** `null` where it is no answer to this question: whoever guesses must guess the number, too. */
  function read(message: Buffer): DecodedPacket | null {
    try {
      const packet = codec.decode(message);
      const [asked] = packet.questions ?? [];
      const isAnswer = packet.type === 'response' && packet.id === id && asked?.type === question.type;
      return isAnswer && asked.name.toLowerCase() === question.name.toLowerCase() ? packet : null;
    } catch {
      // What is cut off may end within a record.
      return isCutOff(message, id) ? TRUNCATED : null;
    }
  }

  const answer = await limited<DecodedPacket>(options, (resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4')
      .on('error', reject)
      .on('message', (message) => {
        const packet = read(message);
        if (packet !== null) resolve(packet);
      })
      .unref();
    socket.connect(server.port, server.address, () => {
      socket.send(query);
    });
    return () => socket.close();
  });
  if (!answer.flag_tc) return answer;

  return limited<DecodedPacket>(options, (resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const socket = connect({ host: server.address, port: server.port })
      .on('error', reject)
      .on('close', () => {
        reject(new Error('it closed the connection'));
      })
      .on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        const packet = read(received.subarray(2, 2 + received.readUInt16BE(0)));
        if (packet === null || packet.flag_tc) reject(new Error('its answer is malformed'));
        else resolve(packet);
      })
      .unref();
    socket.write(Buffer.concat([Buffer.of(query.length >> 8, query.length & 255), query]));
    return () => socket.destroy();
  });
}

/** An answer of which no more is known than that it is cut off: the rest comes over TCP (RFC 7766 5). */
const TRUNCATED = { flag_tc: true } as DecodedPacket;

function isCutOff(message: Buffer, id: number): boolean {
  return message.length >= 12 && message.readUInt16BE(0) === id && (message.readUInt8(2) & 0x82) === 0x82;
}

/** @throws where the server has failed. */
function srvAnswer({ rcode, answers = [], authorities = [] }: DecodedPacket & { rcode?: string }): SrvAnswer {
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') throw new Error(`it answered ${rcode ?? 'nothing'}`);
  const records = answers.flatMap((answer) => (answer.type === 'SRV' ? [answer.data] : []));
  const lives = answers.flatMap((answer) => ('ttl' in answer && answer.ttl !== undefined ? [answer.ttl] : []));
  if (records.length > 0) return { records, ttlSeconds: Math.min(...lives) };
  // How long there is nothing, says the start of authority (RFC 2308 5).
  for (const authority of authorities) {
    if (authority.type !== 'SOA') continue;
    return { records, ttlSeconds: Math.min(authority.ttl ?? 0, authority.data.minimum ?? 0, ...lives) };
  }
  return { records, ttlSeconds: null };
}

/**
 * Waits for the first of: an answer, a failure, the time limit, the end of the watch.
 *
 * @param begin Returns what closes its socket, which is called in any case.
 */
function limited<Value>(
  { timeoutMs, clock, signal }: QueryOptions,
  begin: (resolve: (value: Value) => void, reject: (error: Error) => void) => () => unknown,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const end = begin(
      (value) => {
        finish();
        resolve(value);
      },
      (error) => {
        finish();
        reject(error);
      },
    );
    const timer = clock.setTimer(() => {
      finish();
      reject(new Error(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    signal.addEventListener('abort', stop, { once: true });

    function stop(): void {
      finish();
      reject(new Error('ended'));
    }
    function finish(): void {
      if (isOver) return;
      isOver = true;
      clock.clearTimer(timer);
      signal.removeEventListener('abort', stop);
      end();
    }
  });
}
