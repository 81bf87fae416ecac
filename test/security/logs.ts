/** Every way in which an access log can be written down, each into one list of texts. */
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import winston from 'winston';
import type { AccessLogOptions } from '../../src/logger/index.js';

/** Takes what is written, in whatever pieces it comes. */
type Take = (text: string) => void;

function stream(take: Take): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      take(chunk.toString());
      done();
    },
  });
}

function winstonLogger(take: Take, format: winston.Logform.Format): winston.Logger {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston types it as an interface
  const transport: winston.transport = new winston.transports.Stream({ stream: stream(take) });
  return winston.createLogger({ format, transports: [transport] });
}

/** Options of an access log, by what it is called; a line that it writes ends with a line feed. */
export const LOGS: Readonly<Record<string, (take: Take) => AccessLogOptions>> = {
  json: (take) => ({ sink: lineTo(take) }),
  combined: (take) => ({ sink: lineTo(take), format: 'combined' }),
  dev: (take) => ({ sink: lineTo(take), format: 'dev' }),
  'a function': (take) => ({ sink: lineTo(take), format: (record) => Object.values(record).flat().join(' ') }),
  pino: (take) => ({ logger: pino(stream(take)) }),
  'pino, combined': (take) => ({ logger: pino(stream(take)), format: 'combined' }),
  winston: (take) => ({ logger: winstonLogger(take, winston.format.json()) }),
  'winston for people': (take) => ({ logger: winstonLogger(take, winston.format.simple()) }),
  console: (take) => ({ logger: new Console(stream(take)) }),
};

export const LOG_NAMES = Object.keys(LOGS);

function lineTo(take: Take): (line: string) => void {
  return (line) => {
    take(`${line}\n`);
  };
}

/** @throws where there is no log of this name. */
export function logOptions(name: string, take: Take): AccessLogOptions {
  const make = LOGS[name];
  if (make === undefined) throw new Error(`no log is called ${name}`);
  return make(take);
}
