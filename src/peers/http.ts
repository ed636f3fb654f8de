import { type PeerAccess, PeerError, type Peers } from '../domain/peers.ts';
import { requestPeer } from './request.ts';

export interface HttpPeersOptions {
  /** Milliseconds for the whole answer. */
  timeout: number;
  /** Bytes. */
  maxBody: number;
  /** The CAs and the login for an address. Throws `PeerError`. */
  access(url: string): PeerAccess;
}

/** Reads peers over HTTP. Redirects are not followed: the settings must name the final address. */
export function createHttpPeers({ timeout, maxBody, access }: HttpPeersOptions): Peers {
  return {
    async read(url) {
      const reads = (status: number) => status === 200;
      const { status, ...answer } = await requestPeer({ url, timeout, maxBody, access: access(url), reads });
      if (status === 200) return answer;
      throw new PeerError('status', `it answered ${status}`, { status });
    },
  };
}
