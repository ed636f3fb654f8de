/** The characters of a host and a port (RFC 3986, 3.2.2), without user information. */
const HOST = /^(?:[\w.~!$&'()*+,;=%-]+|\[[\da-fA-F:.]+\])(?::\d{0,5})?$/;
/** Nearly all requests name the same host, so its check is remembered. */
let lastGood = '';

/** Is `text` a host with or without a port? An empty one is allowed where a request names no host (RFC 9112, 3.2). */
export function isHost(text: string): boolean {
  if (text === lastGood || text === '') return true;
  if (!HOST.test(text) || !URL.canParse(`http://${text}`)) return false;
  lastGood = text;
  return true;
}

/** Do the headers (names and values in turn) hold at most one host, which can be one? */
export function hasSoundHost(rawHeaders: readonly string[]): boolean {
  const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'host');
  return hosts.length < 2 && hosts.every(isHost);
}

/** What is answered to other requests, with status 400 (RFC 9112, 3.2). */
export const BAD_HOST = 'the header Host is not a host, or there are two of them; send one';
