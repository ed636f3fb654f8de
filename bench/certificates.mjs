import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const KEYS = { ECDSA: ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'], RSA: ['rsa:2048'] };

/** Makes a certificate that signs itself, of a kind of key: `ECDSA` (P-256) or `RSA` (2048 bits). */
export function makeCertificate(kind) {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-tls-'));
  const [certificate, key] = [join(dir, 'certificate.pem'), join(dir, 'key.pem')];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', '-nodes', '-newkey', ...KEYS[kind], ...names, ...files], { stdio: 'pipe' });
  return { certificate, key };
}
