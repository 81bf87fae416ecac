import { isIP, isIPv6 } from 'node:net';

export interface NameServer {
  /** Without brackets. */
  readonly address: string;
  readonly port: number;
}

const WITH_PORT = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/;

/** Reads what Node takes for the address of a name server; `null` where it is none. */
export function parseNameServer(text: string): NameServer | null {
  if (isIP(text) !== 0) return { address: text, port: 53 };
  const [, bracketed, plain = '', digits = '53'] = WITH_PORT.exec(text) ?? [];
  const port = Number(digits);
  const isAddress = bracketed === undefined ? isIP(plain) === 4 : isIPv6(bracketed);
  return isAddress && port >= 1 && port <= 65_535 ? { address: bracketed ?? plain, port } : null;
}
