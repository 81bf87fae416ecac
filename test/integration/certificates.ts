/** Certificates made for one run: no key is kept anywhere. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  /** PEM of the authority itself. */
  readonly ca: string;
  /** @param names As in `subjectAltName`: `DNS:users.test`, `IP:127.0.0.1`. */
  issue(...names: readonly string[]): Certificate;
  remove(): void;
}

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function authority(commonName: string): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'innergate-tls-'));
  const file = (name: string): string => join(directory, name);
  const read = (name: string): string => readFileSync(file(name), 'utf8');
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { stdio: 'pipe' });
  };
  const extensions = 'basicConstraints=critical,CA:TRUE';
  const subject = ['-subj', `/CN=${commonName}`];
  openssl(
    ...['req', '-x509', ...NEW_KEY, '-days', '2', ...subject, '-addext', extensions],
    ...['-keyout', file('ca.key'), '-out', file('ca.crt')],
  );
  let issued = 0;

  function issue(...names: readonly string[]): Certificate {
    const id = `${issued++}`;
    writeFileSync(file(`${id}.ext`), `subjectAltName=${names.join(',')}\nbasicConstraints=CA:FALSE\n`);
    openssl('req', '-new', ...NEW_KEY, '-subj', '/CN=leaf', '-keyout', file(`${id}.key`), '-out', file(`${id}.csr`));
    openssl(
      ...['x509', '-req', '-days', '2', '-in', file(`${id}.csr`), '-CA', file('ca.crt'), '-CAkey', file('ca.key')],
      ...['-CAcreateserial', '-extfile', file(`${id}.ext`), '-out', file(`${id}.crt`)],
    );
    return { cert: read(`${id}.crt`), key: read(`${id}.key`) };
  }

  return {
    ca: read('ca.crt'),
    issue,
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
