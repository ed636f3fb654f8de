import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Logger } from 'pino';
import type { Settings } from '../config/settings.ts';
import { FairwayError } from '../domain/errors.ts';
import { repeat } from '../process/repeat.ts';

/** A certificate, with those that lead to its root behind it, and its private key; PEM. */
export interface KeyPair {
  cert: string;
  key: string;
}

/** The key pair to serve from now on. */
export interface ServedKeyPair {
  /** Null where nothing was told yet. */
  peek(): KeyPair | null;
  onChange(listener: (pair: KeyPair) => void): () => void;
}

export interface Certificate extends ServedKeyPair {
  /** The end of what is served, in milliseconds since 1970. */
  expires(): number;
  /** Is what the files hold what is served? */
  isCurrent(): boolean;
  close(): void;
}

type TlsSettings = NonNullable<Settings['public']['tls']>;

/**
 * Reads a certificate and its key from their files, and again when they change. What cannot be served is logged, and the
 * one before stays. Rejects with `invalid` if there is none to begin with.
 *
 * It looks at the content: links that are swapped, as certbot and Kubernetes do, are easily missed by watching files.
 */
export async function openCertificate(settings: TlsSettings, log: Logger): Promise<Certificate> {
  const { certificate: file, key: keyFile, lookEvery } = settings;
  const listeners = new Set<(pair: KeyPair) => void>();
  let pair = await readPair(settings);
  let expires = checkPair(pair, settings);
  /** The last that was taken, or given up: each is told of once. */
  let settled = textOf(pair);
  /** Files that are replaced one after the other do not fit each other for a moment, so bad ones get a second look. */
  let doubted: string | null = null;
  let current = true;

  async function look(): Promise<void> {
    const found = await readPair(settings).catch((error: FairwayError) => error);
    const text = found instanceof FairwayError ? found.message : textOf(found);
    if (text === settled) return;
    try {
      if (found instanceof FairwayError) throw found;
      const ends = checkPair(found, settings);
      if (ends <= Date.now()) throw unusable(settings, `the certificate ended at ${new Date(ends).toISOString()}`);
      pair = found;
      expires = ends;
      current = true;
      settled = text;
      for (const listener of listeners) listener(pair);
      log.info({ file, expires: new Date(ends) }, 'a new certificate is served');
    } catch (err) {
      if (text !== doubted) {
        doubted = text;
        return;
      }
      settled = text;
      current = false;
      log.error({ file, keyFile, why: (err as Error).message, expires: new Date(expires) }, KEPT);
    }
  }

  if (expires <= Date.now()) log.error({ file, expires: new Date(expires) }, 'the certificate has ended; renew it');
  const looking = repeat('certificate', lookEvery, log, look);
  return {
    peek: () => pair,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    expires: () => expires,
    isCurrent: () => current,
    close: () => looking.stop(),
  };
}

const KEPT = 'a new certificate cannot be served; the one before stays';

const textOf = ({ cert, key }: KeyPair): string => `${cert}\n${key}`;

async function readPair(settings: TlsSettings): Promise<KeyPair> {
  try {
    const [cert, key] = await Promise.all([readFile(settings.certificate, 'utf8'), readFile(settings.key, 'utf8')]);
    return { cert, key };
  } catch (error) {
    throw unusable(settings, (error as Error).message);
  }
}

/** Returns the end of the certificate, in milliseconds since 1970. Throws `invalid`. */
function checkPair(pair: KeyPair, settings: TlsSettings): number {
  try {
    const certificate = new X509Certificate(pair.cert);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) throw new Error('the key is another one’s');
    createSecureContext(pair);
    return Date.parse(certificate.validTo);
  } catch (error) {
    throw unusable(settings, (error as Error).message);
  }
}

const unusable = ({ certificate, key }: TlsSettings, why: string): FairwayError =>
  new FairwayError(
    'invalid',
    `cannot serve TLS with ${certificate} and ${key}: ${why}; public.tls needs a PEM certificate with its chain, and its key`,
  );
