import type { Endpoint } from '../service/answers.ts';

/** What a path of the public listener asks for. */
export type PublicRoute = { endpoint: Endpoint; channel: string } | { endpoint: 'healthz' };

const PROXY_STYLE = 'webapi/automaticupgrades/channel/';
/** The longest channel name, its prefixes, and every character of them percent-encoded. */
const MAX_PATH = 1024;

/**
 * Reads a path in any form that updaters send: with doubled and trailing slashes, percent-encoded (decoded once), with
 * or without `/v1` where it is proxy-style. Returns null for a path that means nothing.
 */
export function readPublicPath(path: string, defaultChannel: string): PublicRoute | null {
  // A proxy may send the absolute form (RFC 9112, 3.2.2).
  const decoded = path.length > MAX_PATH ? null : decode(path.replace(/^https?:\/\/[^/]*/i, ''));
  if (decoded === null) return null;
  const plain = decoded
    .split('/')
    .filter((segment) => segment !== '')
    .join('/');
  if (plain === 'healthz') return { endpoint: 'healthz' };
  const versioned = plain.startsWith('v1/');
  const rest = versioned ? plain.slice(3) : plain;
  if (rest === 'webapi/find' || rest === 'webapi/ping') return { endpoint: 'find', channel: defaultChannel };
  if (rest.startsWith(PROXY_STYLE)) return readChannelPath(rest.slice(PROXY_STYLE.length), null);
  return versioned ? readChannelPath(rest, defaultChannel) : null;
}

function readChannelPath(path: string, defaultChannel: string | null): PublicRoute | null {
  const cut = path.lastIndexOf('/');
  const endpoint = path.slice(cut + 1);
  const channel = cut < 0 ? defaultChannel : path.slice(0, cut);
  if (channel === null || (endpoint !== 'version' && endpoint !== 'critical')) return null;
  return { endpoint, channel };
}

function decode(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}
