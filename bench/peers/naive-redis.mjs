// A server that uses the database on every poll: one read of the target, one write of the check-in.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { Redis } from 'ioredis';
import { Counter } from 'prom-client';

const redis = new Redis(process.env.REDIS_URL);
await redis.mset('naive:version', 'v16.4.6', 'naive:critical', 'no');
const polls = new Counter({ name: 'polls_total', help: 'Polls', labelNames: ['channel', 'code'] });
const app = new Hono();
app.get('/v1/stable/cloud/:endpoint', async (c) => {
  const id = c.req.header('agent-id') ?? 'none';
  const [target] = await Promise.all([
    redis.get(`naive:${c.req.param('endpoint')}`),
    redis.hset(`naive:agent:${id}`, 'version', c.req.header('agent-version') ?? '', 'at', Date.now()),
  ]);
  polls.inc({ channel: 'stable/cloud', code: 200 });
  return c.text(target);
});
serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' });
