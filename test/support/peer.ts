import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface TestPeer {
  url: string;
  /** Sets how it answers from now on. */
  answer: RequestListener;
  requests: number;
  stop(): Promise<void>;
}

/** A real HTTP server with the given answer, over TLS if it has files for that; it stops with the test. */
export async function startPeer(
  answer: RequestListener,
  tls: { certificate: string; key: string } | null = null,
): Promise<TestPeer> {
  const listener: RequestListener = (request, response) => {
    peer.requests++;
    peer.answer(request, response);
  };
  const pair = tls && { cert: readFileSync(tls.certificate), key: readFileSync(tls.key) };
  const server = pair ? createTlsServer(pair, listener) : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let stopping: Promise<unknown> | null = null;
  const peer: TestPeer = {
    url: `${pair ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer,
    requests: 0,
    async stop() {
      stopping ??= once(server.close(), 'close');
      server.closeAllConnections();
      await stopping;
    },
  };
  onTestFinished(() => peer.stop());
  return peer;
}

export const body =
  (text: string): RequestListener =>
  (_, response) =>
    response.end(text);

/** The ways in which peers fail to answer, each with its reason in the metrics. */
export const FAULTS: { name: string; reason: string; answer: (whole: string) => RequestListener }[] = [
  { name: 'is slow', reason: 'slow', answer: () => () => {} },
  {
    name: 'begins to answer and then stalls',
    reason: 'slow',
    answer: (whole) => (_, response) => void response.write(whole.slice(0, 20)),
  },
  {
    name: 'answers 500',
    reason: 'status',
    answer: (whole) => (_, response) => response.writeHead(500).end(whole),
  },
  {
    name: 'redirects',
    reason: 'status',
    answer: () => (_, response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end(),
  },
  { name: 'answers garbage', reason: 'malformed', answer: () => body('<html><body>welcome</body></html>\n') },
  { name: 'answers nothing', reason: 'malformed', answer: () => body('') },
  {
    name: 'answers half of it and hangs up',
    reason: 'unreachable',
    answer: (whole) => (_, response) => {
      response.writeHead(200, { 'Content-Length': Buffer.byteLength(whole) });
      response.write(whole.slice(0, whole.length / 2), () => response.destroy());
    },
  },
  {
    name: 'answers half of it as if it were all',
    reason: 'malformed',
    // Inside a line: at the end of one, half an answer looks like a complete shorter one.
    answer: (whole) => body(whole.slice(0, whole.length / 2 - 5)),
  },
  { name: 'never stops answering', reason: 'too_large', answer: () => flood },
];

const flood: RequestListener = (_, response) => {
  const chunk = Buffer.alloc(1 << 20, '\n');
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
};
