import { IncomingMessage, type RequestListener } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Logger } from 'pino';
import type { Settings } from '../config/settings.ts';
import { createDashboard } from '../dashboard/app.ts';
import type { Guest } from '../dashboard/sign-in.ts';
import { stalenessOf } from '../domain/staleness.ts';
import type { Tracer } from '../domain/tracer.ts';
import { oneByOne } from '../http/admission.ts';
import { createAuthenticator } from '../http/auth.ts';
import { createEventStreams } from '../http/event-streams.ts';
import { BAD_HOST, hasSoundHost } from '../http/host.ts';
import { createOperatorApi, type RequestMetrics } from '../http/operator.ts';
import type { Bootstrap } from '../service/bootstrap.ts';
import type { Clock } from '../service/clock.ts';
import type { Services } from '../services.ts';
import { limitBodyTime } from './body-time.ts';
import type { ServedKeyPair } from './certificate.ts';
import { listen } from './listen.ts';
import type { PublicSide } from './public.ts';

/** The listener of operators, Prometheus and probes. */
export interface OperatorSide {
  url: string;
  /** Connections that were refused because `operator.maxConnections` were open; a whole number that only grows. */
  refusedConnections(): number;
  /** Turns not ready, serves on for `drain` milliseconds, ends event streams, then closes. */
  close(drain: number): Promise<void>;
}

export interface OperatorSideOptions {
  services: Services;
  settings: Pick<Settings, 'operator' | 'store' | 'tokens' | 'fleet' | 'github' | 'promotion' | 'shutdown'>;
  metrics: RequestMetrics;
  tracer: Tracer;
  bootstrap: Pick<Bootstrap, 'state'>;
  clock: Clock;
  publicSide: Pick<PublicSide, 'answers'>;
  /** Null without built-in TLS. */
  certificate: ServedKeyPair | null;
  version: string;
  /** People who may sign in with a click. */
  guests: readonly Guest[];
  log: Logger;
}

/** Milliseconds. The import of an inventory may be 64 MiB. */
const REQUEST_TIMEOUT = 300_000;

const NO_REPOSITORY = 'the webhook of GitHub is refused until github.repository is set to owner/name';

/** Serves the API and the pages. Rejects with `invalid` if the address cannot be used. */
export async function openOperatorSide(options: OperatorSideOptions): Promise<OperatorSide> {
  const { services, settings, metrics, tracer, bootstrap, clock, publicSide, certificate, version, guests, log } =
    options;
  const { state } = services;
  const { now } = clock;
  if (settings.github.webhookSecret !== null && settings.github.repository === null) log.warn({}, NO_REPOSITORY);
  let leaving = false;
  const stopping = new AbortController();
  const authenticator = createAuthenticator(settings.tokens, settings.operator.limits, now);
  const events = createEventStreams(state, settings.promotion.stages, stopping.signal);
  const { app, openApi } = createOperatorApi({
    services,
    authenticator,
    events,
    importIdle: settings.fleet.importIdle,
    github: settings.github,
    ready: () => state.peek() !== null && !leaving,
    answersPolls: publicSide.answers,
    bootstrap,
    clock,
    staleness: stalenessOf(settings.store),
    metrics,
    metricsAccess: settings.operator.metrics,
    atOnce: settings.operator.limits.atOnce,
    tracer,
    version,
    log,
  });
  app.route('/', createDashboard({ ...services, now, authenticator, events, openApi, guests, log }));
  // HTTP/1.0 needs no Host header, and health checks of load balancers send none.
  const handle = oneByOne(getRequestListener(app.fetch, { hostname: 'localhost' }) as RequestListener);
  const guarded: RequestListener = (request, response) => {
    if (hasSoundHost(request.rawHeaders)) {
      limitBodyTime(request, response);
      return handle(request, response);
    }
    response.writeHead(400, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' });
    response.end(BAD_HOST);
  };
  const listener = await listen(guarded, {
    ...settings.operator,
    Request: IncomingMessage,
    requestTimeout: REQUEST_TIMEOUT,
    certificate,
  });
  return {
    url: listener.url,
    refusedConnections: listener.refused,
    async close(drain) {
      leaving = true;
      await listener.drain(drain);
      stopping.abort();
      await listener.close(settings.shutdown.deadline);
    },
  };
}
