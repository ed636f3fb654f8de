import type { Logger } from 'pino';
import { checkPair, type KeyPair, readPair, type TlsSettings, unusable } from '../config/key-pair.ts';
import { FairwayError } from '../domain/errors.ts';
import { repeat } from '../process/repeat.ts';

/** The key pair that a listener serves. */
export interface ServedKeyPair {
  /** Null in a worker that has not received it yet. */
  peek(): KeyPair | null;
  onChange(listener: (pair: KeyPair) => void): () => void;
}

export interface Certificate extends ServedKeyPair {
  /** The end of the served certificate, in milliseconds since 1970. */
  expires(): number;
  /** Is the certificate in the files the served one? */
  isCurrent(): boolean;
  close(): void;
}

/**
 * Reads a certificate and its key from their files, and again when they change. If a new certificate is unusable, it is
 * logged and the old one stays. Rejects with `invalid` if the first one is unusable.
 *
 * The content is compared, because file watchers easily miss the swapped links of certbot and Kubernetes.
 */
export async function openCertificate(settings: TlsSettings, log: Logger): Promise<Certificate> {
  const { certificate: file, key: keyFile, lookEvery } = settings;
  const listeners = new Set<(pair: KeyPair) => void>();
  let pair = await readPair(settings);
  let expires = checkPair(pair, settings);
  /** The last content that was accepted or rejected; each is logged once. */
  let settled = textOf(pair);
  /** Files that are replaced one after the other do not match for a moment, so bad content gets a second look. */
  let doubted: string | null = null;
  let current = true;

  async function look(): Promise<void> {
    const found = await readPair(settings).catch((error: FairwayError) => error);
    const text = found instanceof FairwayError ? found.message : textOf(found);
    if (text === settled) return;
    try {
      if (found instanceof FairwayError) throw found;
      const ends = checkPair(found, settings);
      if (ends <= Date.now()) throw unusable(settings, `the certificate expired at ${new Date(ends).toISOString()}`);
      pair = found;
      expires = ends;
      current = true;
      settled = text;
      for (const listener of listeners) listener(pair);
      log.info({ file, expires: new Date(ends) }, 'the new certificate is served');
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

  if (expires <= Date.now()) log.error({ file, expires: new Date(expires) }, 'the certificate has expired; renew it');
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

const KEPT = 'the new certificate is unusable; the old one stays';

const textOf = ({ cert, key }: KeyPair): string => `${cert}\n${key}`;
