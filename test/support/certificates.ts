import { execFileSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './packages.ts';
import { temporaryDirectory } from './server.ts';

export interface Authority {
  dir: string;
  /** The certificate authority that clients trust. */
  ca: string;
  /** Makes a certificate for `names`, at first 127.0.0.1 and localhost, ending after `days`. */
  issue(name: string, days?: number, names?: string): { certificate: string; key: string };
}

/** Whether this machine can make certificates and request pages over TLS. */
export const canTls = Boolean(findProgram('openssl') && findProgram('curl'));

const LOCAL = 'IP:127.0.0.1,DNS:localhost';

/** A certificate authority made by openssl in `dir`, or in a temporary directory. */
export function createAuthority(dir = temporaryDirectory()): Authority {
  const openssl = (command: string) => execFileSync('openssl', command.split(' '), { cwd: dir, stdio: 'pipe' });
  const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  openssl(`req -x509 ${newKey} -keyout ca.key -out ca.pem -subj /CN=test-authority -days 2`);
  return {
    dir,
    ca: join(dir, 'ca.pem'),
    issue(name, days = 2, names = LOCAL) {
      writeFileSync(join(dir, 'extensions'), `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`);
      openssl(`req ${newKey} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
      const signed = `-CA ca.pem -CAkey ca.key -CAcreateserial -extfile extensions -days ${days}`;
      openssl(`x509 -req -in ${name}.csr -out ${name}.pem ${signed}`);
      return { certificate: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) };
    },
  };
}

/** Writes a key pair where a server looks for it. */
export function install(from: { certificate: string; key: string }, to: { certificate: string; key: string }): void {
  copyFileSync(from.key, to.key);
  copyFileSync(from.certificate, to.certificate);
}
