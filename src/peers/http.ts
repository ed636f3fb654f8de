import { PeerError, type Peers } from '../domain/peers.ts';

export interface HttpPeersOptions {
  /** Milliseconds for the whole answer. */
  timeout: number;
  /** Bytes. */
  maxBody: number;
}

/** Reads peers over HTTP. Redirects are not followed: the settings must name the final address. */
export function createHttpPeers({ timeout, maxBody }: HttpPeersOptions): Peers {
  return {
    async read(url) {
      try {
        const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(timeout) });
        if (response.status !== 200) {
          await response.body?.cancel();
          throw new PeerError('status', `it answered ${response.status}`, { status: response.status });
        }
        const { headers } = response;
        return { body: await readBody(response.body, maxBody), header: (name) => headers.get(name) };
      } catch (error) {
        throw mapError(error, timeout);
      }
    },
  };
}

/** Returns the body as text. Throws `PeerError` if it is larger than `maxBody` bytes. */
export async function readBody(body: ReadableStream<Uint8Array> | null, maxBody: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    // Leaving the loop ends the connection.
    if (size > maxBody) throw new PeerError('too_large', `its answer is larger than ${maxBody} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Turns a failed request into a `PeerError`. `timeout` is in milliseconds. */
export function mapError(error: unknown, timeout: number): PeerError {
  if (error instanceof PeerError) return error;
  const { name, message, cause } = error as Error;
  if (name === 'TimeoutError') return new PeerError('slow', `it did not answer completely within ${timeout} ms`);
  // fetch hides the reason in its cause.
  const reason = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : message;
  return new PeerError('unreachable', `it cannot be read: ${reason}`, { cause: error });
}
