// Only node:http: the least that a poll can cost in the same Node without touching sockets.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

// A string is written together with the headers, a Buffer in a second write.
const body = 'v16.4.6';
const headers = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', '7'];
const answer = (_request, response) => {
  response.writeHead(200, headers);
  response.end(body);
};
const { TLS_CERT, TLS_KEY } = process.env;
const server = TLS_CERT
  ? createTlsServer({ cert: readFileSync(TLS_CERT), key: readFileSync(TLS_KEY), minVersion: 'TLSv1.2' }, answer)
  : createServer(answer);
server.listen(Number(process.env.PORT), '127.0.0.1');
