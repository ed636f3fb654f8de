// The usual design: a router, a middleware that counts with prom-client, and one that reads the check-in.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { Counter } from 'prom-client';

const polls = new Counter({ name: 'polls_total', help: 'Polls', labelNames: ['channel', 'code'] });
const pending = new Map();
const app = new Hono();
app.use(async (c, next) => {
  await next();
  polls.inc({ channel: 'stable/cloud', code: c.res.status });
});
app.use(async (c, next) => {
  const id = c.req.header('agent-id');
  if (id) pending.set(id, { version: c.req.header('agent-version'), at: Date.now() });
  await next();
});
setInterval(() => pending.clear(), 1000);
app.get('/v1/stable/cloud/version', (c) => c.text('v16.4.6'));
app.get('/v1/stable/cloud/critical', (c) => c.text('no'));
serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' });
