import { parseVersion } from './version.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** The digits of a hash that people compare. */
const HASH = 7;

/**
 * The parts of a cloud version that people tell apart: `18.0.0-cloud`, the time of the cut in UTC such as
 * `12 Nov 10:15`, and `f00dfac`. Null for any other text.
 */
export function shortVersion(text: string): [line: string, cut: string, hash: string] | null {
  const version = parseVersion(text);
  if (!version?.cloud) return null;
  const { cutAt, hash } = version.cloud;
  const prefix = text.startsWith('v') ? 'v' : '';
  const cut = `${cutAt.getUTCDate()} ${MONTHS[cutAt.getUTCMonth()]} ${cutAt.toISOString().slice(11, 16)}`;
  return [`${prefix}${version.major}.0.0-cloud`, cut, hash.slice(0, HASH)];
}
