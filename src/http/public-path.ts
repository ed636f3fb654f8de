/** What the public listener serves of a channel. */
export const ENDPOINTS = ['version', 'critical', 'tools', 'find'] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

/** What a path of the public listener asks for. */
export interface ChannelRoute {
  endpoint: Endpoint;
  channel: string;
}
export type PublicRoute = ChannelRoute | { endpoint: 'healthz' };

const PROXY_STYLE = 'webapi/automaticupgrades/channel/';
/** The last segments of a path. No channel's name has such a segment, so the longest match is the right one. */
const SUFFIXES: [string, Endpoint][] = [
  ['tools/version', 'tools'],
  ['version', 'version'],
  ['critical', 'critical'],
];
/** Enough for the longest channel name and its prefixes with every character percent-encoded. */
const MAX_PATH = 1024;

/** The paths of a channel as nearly all agents send them; answers for these are looked up without reading the path. */
export const plainPaths = (channel: string): [path: string, endpoint: Endpoint][] => [
  [`/v1/${channel}/version`, 'version'],
  [`/v1/${channel}/critical`, 'critical'],
];

/**
 * Reads a path in any form that updaters send: with doubled and trailing slashes, percent-encoded (decoded once), and
 * proxy-style with or without `/v1`. Returns null for any other path.
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
  for (const [suffix, endpoint] of SUFFIXES) {
    if (path === suffix) return defaultChannel === null ? null : { endpoint, channel: defaultChannel };
    if (path.endsWith(`/${suffix}`)) return { endpoint, channel: path.slice(0, -suffix.length - 1) };
  }
  return null;
}

function decode(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}
