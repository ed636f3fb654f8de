// Only node:http: the least that a poll can cost in the same Node without touching sockets.
import { createServer } from 'node:http';

// A string is written together with the headers, a Buffer in a second write.
const body = 'v16.4.6';
const headers = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', '7'];
const server = createServer((_request, response) => {
  response.writeHead(200, headers);
  response.end(body);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
