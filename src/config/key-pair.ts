import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { FairwayError } from '../domain/errors.ts';
import type { Settings } from './settings.ts';

/** A certificate, followed by its chain, and its private key, both in PEM. */
export interface KeyPair {
  cert: string;
  key: string;
}

export type TlsSettings = NonNullable<Settings['public']['tls']>;

/** Rejects with `invalid` if a file cannot be read. */
export async function readPair(settings: TlsSettings): Promise<KeyPair> {
  try {
    const [cert, key] = await Promise.all([readFile(settings.certificate, 'utf8'), readFile(settings.key, 'utf8')]);
    return { cert, key };
  } catch (error) {
    throw unusable(settings, (error as Error).message);
  }
}

/** Returns the end of the certificate, in milliseconds since 1970. Throws `invalid`. */
export function checkPair(pair: KeyPair, settings: TlsSettings): number {
  try {
    const certificate = new X509Certificate(pair.cert);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key)))
      throw new Error('the key does not belong to the certificate');
    createSecureContext(pair);
    return Date.parse(certificate.validTo);
  } catch (error) {
    throw unusable(settings, (error as Error).message);
  }
}

export const unusable = ({ certificate, key }: TlsSettings, why: string): FairwayError =>
  new FairwayError(
    'invalid',
    `cannot serve TLS with ${certificate} and ${key}: ${why}; ` +
      'tls needs a certificate with its chain and the matching key, both in PEM',
  );
