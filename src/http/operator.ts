import { OpenAPIHono } from '@hono/zod-openapi';
import { routePath } from 'hono/route';
import type { Logger } from 'pino';
import { describeBad } from '../domain/documents.ts';
import { parseDuration } from '../domain/duration.ts';
import { createMask } from '../domain/embargo.ts';
import { FairwayError } from '../domain/errors.ts';
import { describeLoss } from '../domain/recovery.ts';
import { describeShortfall } from '../domain/replication.ts';
import { describeAge, type Staleness, WITHHELD } from '../domain/staleness.ts';
import type { Tracer } from '../domain/tracer.ts';
import { nextTurn } from '../process/turns.ts';
import { type Bootstrap, describeFaults, describeHold } from '../service/bootstrap.ts';
import { type Clock, describeOffset } from '../service/clock.ts';
import type { Services } from '../services.ts';
import { admit, admitFew } from './admission.ts';
import { type Authenticator, authenticate, needs, type OperatorEnv, openToAll } from './auth.ts';
import { hideEmbargoed } from './embargo.ts';
import { renderProblem } from './errors.ts';
import type { EventStreams } from './event-streams.ts';
import { hookRoutes } from './hooks.ts';
import { agentRoutes } from './operator/agents.ts';
import { auditRoutes } from './operator/audit.ts';
import { changeRoutes } from './operator/changes.ts';
import { channelRoutes } from './operator/channels.ts';
import { controlPlaneRoutes } from './operator/control-planes.ts';
import { eventRoutes } from './operator/events.ts';
import { evidenceRoutes } from './operator/evidence.ts';
import { freezeRoutes } from './operator/freezes.ts';
import { inventoryRoutes } from './operator/inventory.ts';
import { progressRoutes } from './operator/progress.ts';
import { promotionRoutes } from './operator/promotions.ts';
import { recoveryRoutes } from './operator/recovery.ts';
import { releaseRoutes } from './operator/releases.ts';
import { rolloutRoutes } from './operator/rollouts.ts';
import { scheduleRoutes } from './operator/schedules.ts';
import { statusRoutes } from './operator/status.ts';
import { transferRoutes } from './operator/transfer.ts';
import { refuseUnknownParameters } from './query.ts';
import { StateDocument } from './schemas/transfer.ts';
import { warnOfShortfall } from './shortfall.ts';
import { textInSlices } from './sliced.ts';
import { traceRequests } from './tracing.ts';
import { invalid } from './validation.ts';

/** Counts requests, and renders all metrics for Prometheus. */
export interface RequestMetrics {
  observeRequest(route: string, method: string, status: number, seconds: number): void;
  /** The page that Prometheus reads, metric by metric. */
  render(): Promise<readonly string[]>;
  contentType: string;
}

type ApiServices = Pick<
  Services,
  | 'state'
  | 'audit'
  | 'channels'
  | 'controlPlanes'
  | 'evidences'
  | 'fleet'
  | 'freezes'
  | 'inventories'
  | 'plans'
  | 'rollouts'
  | 'promotions'
  | 'recall'
  | 'recoveries'
  | 'releases'
  | 'schedules'
  | 'series'
  | 'changes'
  | 'signOffs'
  | 'status'
  | 'transfer'
>;

export interface OperatorApiOptions {
  services: ApiServices;
  /** Milliseconds without a byte after which an import of an inventory is aborted. */
  importIdle: number;
  github: { webhookSecret: string | null; label: string; repository: string | null };
  metrics: RequestMetrics;
  /** Does `/metrics` ask for a token? */
  metricsAccess: 'open' | 'token';
  /** The requests that may be under way. */
  atOnce: number;
  tracer: Tracer;
  authenticator: Authenticator;
  events: EventStreams;
  /** Is the server neither without a state nor stopping? */
  ready: () => boolean;
  /** Does any process answer polls? */
  answersPolls: () => boolean;
  bootstrap: Pick<Bootstrap, 'state'>;
  clock: Pick<Clock, 'offset' | 'isTrusted'>;
  staleness: Staleness;
  version: string;
  log: Logger;
}

const API = '/api/v1';
/** Pages of metrics, exports, and entries of large changes: with thousands of channels, each may have some ten MB. */
const LARGE_AT_ONCE = 8;

/** The HTTP API for operators, pipelines and Prometheus, and the OpenAPI document that describes it. */
export function createOperatorApi(options: OperatorApiOptions) {
  const { metrics, tracer, log, github } = options;
  const { state, signOffs } = options.services;
  const app = new OpenAPIHono<OperatorEnv>();

  app.use(traceRequests(tracer));
  app.use(async (c, next) => {
    await next();
    // The pages set their own.
    c.res.headers.set('X-Content-Type-Options', 'nosniff');
    if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store');
  });
  app.use(async (c, next) => {
    const start = performance.now();
    await next();
    const seconds = (performance.now() - start) / 1000;
    // The route of the last handler, which answered; the dashboard also matches every path.
    const route = routePath(c);
    metrics.observeRequest(route, c.req.method, c.res.status, seconds);
    const actor = c.get('actor')?.name;
    log.debug({ method: c.req.method, route, status: c.res.status, actor, seconds }, 'request');
  });
  app.use(admit(options.atOnce));
  app.onError((error, c) => renderProblem(error, c, log));
  app.notFound((c) =>
    renderProblem(
      new FairwayError('not_found', `there is no ${c.req.method} ${c.req.path}; /openapi.json lists every endpoint`),
      c,
      log,
    ),
  );

  app.get('/healthz', (c) => c.text('ok'));
  app.get('/readyz', (c) => {
    const { isReady, text } = readiness(options, readMaxAge(c.req.query('maxAge')));
    const mask = createMask(state.peek()?.releases ?? new Map());
    return c.text(mask ? mask(text) : text, isReady ? 200 : 503);
  });
  const open = openToAll(options.authenticator);
  if (options.metricsAccess === 'token') app.use('/metrics', authenticate(options.authenticator), needs('read'));
  else app.use('/metrics', open);
  app.use('/metrics', admitFew(LARGE_AT_ONCE));
  app.get('/metrics', async (c) => {
    const page = await metrics.render();
    const mask = createMask(state.peek()?.releases ?? new Map()) ?? ((text: string) => text);
    // Those who waited for the same page go on one after the other.
    await nextTurn();
    return textInSlices(c, metrics.contentType, page, mask);
  });
  app.use('/hooks/*', open);
  app.route('/hooks', hookRoutes({ signOffs, secret: github.webhookSecret, ...github }));

  const api = createApi(options);
  let description: ReturnType<typeof describeApi> | undefined;
  const openApi = () => (description ??= describeApi(api, options.version));
  let openApiText: string | undefined;
  app.route(API, api);
  app.get('/openapi.json', open, (c) => {
    openApiText ??= JSON.stringify(openApi());
    return c.body(openApiText, 200, { 'Content-Type': 'application/json' });
  });
  // The dashboard may follow on this listener; a program that misspells a path gets a problem, not a sign-in form.
  app.all('/api/*', (c) => c.notFound());
  return { app, openApi };
}

/** Should traffic be sent here, and what must a person know? */
function readiness(options: OperatorApiOptions, maxAge: number) {
  const { ready, answersPolls, services, bootstrap, clock, staleness } = options;
  const { state } = services;
  const begun = bootstrap.state();
  const no = (why: string) => ({ isReady: false, text: `not ready: ${why}` });
  if (!ready()) return no('no state has been loaded yet, or the server is stopping');
  if (!answersPolls()) return no('no worker answers polls; the log says why, and new ones are started');
  if (!clock.isTrusted()) return no(describeOffset(clock.offset()));
  // It knows no channel, and another server does.
  if (begun.is === 'held') return no(describeHold(begun));
  const store = state.storeState();
  const age = state.age();
  // Its saved state comes from elsewhere, so agents get no version here.
  if (store.is === 'lost' && store.loss.other && age === Number.POSITIVE_INFINITY) return no(describeLoss(store.loss));
  if (age > maxAge) return no(`${describeAge(age)}, which is older than maxAge allows`);
  const shortfall = state.shortfall();
  const { bad } = state.snapshot();
  const refusal = state.refusal();
  // Agents are served in each of these cases, so the server is ready.
  const buts = [
    store.is === 'lost' ? describeLoss(store.loss) : [],
    store.is === 'up' && age <= staleness.saidAfter ? [] : describeAge(age),
    state.isWithheld() ? WITHHELD : [],
    begun.is === 'refused' ? describeFaults(begun) : [],
    refusal === null ? [] : `changes are refused: ${refusal}`,
    bad.size > 0 ? describeBad(bad.values()) : [],
  ].flat();
  const but = buts.length > 0 ? `, but ${buts.join('; and ')}` : '';
  return {
    isReady: true,
    text: `ready${but}${shortfall ? `; the last change is ${describeShortfall(shortfall)}` : ''}`,
  };
}

/** Milliseconds that `?maxAge=30s` allows; without it any age is allowed. Throws `invalid`. */
function readMaxAge(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const maxAge = parseDuration(text);
  if (maxAge === null) throw new FairwayError('invalid', `maxAge "${text}" is not a duration; write it as 30s or 5m`);
  return maxAge;
}

function createApi({ services, authenticator, events, importIdle }: OperatorApiOptions) {
  const {
    audit,
    changes,
    channels,
    controlPlanes,
    evidences,
    fleet,
    freezes,
    inventories,
    plans,
    promotions,
    recall,
    recoveries,
  } = services;
  const { releases, rollouts, schedules, series, signOffs, state, status, transfer } = services;
  const api = new OpenAPIHono<OperatorEnv>({
    defaultHook: (result) => {
      // If validation failed, `data` is the input.
      if (!result.success) throw invalid(result.error, (result as { data?: unknown }).data);
    },
  });
  api.use(authenticate(authenticator));
  api.use(refuseUnknownParameters(api, API));
  api.use(hideEmbargoed(state));
  api.use(warnOfShortfall(state));
  for (const path of ['/export', '/audit', '/channels/:channel/history']) api.use(path, admitFew(LARGE_AT_ONCE));
  api.route('/', channelRoutes(channels, schedules, audit));
  api.route('/', progressRoutes(plans, series));
  api.route('/', rolloutRoutes(rollouts));
  api.route('/', scheduleRoutes(schedules));
  api.route('/', freezeRoutes(freezes));
  api.route('/', agentRoutes(fleet, rollouts));
  api.route('/', inventoryRoutes(inventories, importIdle));
  api.route('/', evidenceRoutes(evidences));
  api.route('/', controlPlaneRoutes(controlPlanes));
  api.route('/', releaseRoutes(releases, recall, signOffs));
  api.route('/', promotionRoutes(promotions));
  api.route('/', changeRoutes(changes));
  api.route('/', auditRoutes(audit));
  api.route('/', statusRoutes(status));
  api.route('/', transferRoutes(transfer));
  api.route('/', recoveryRoutes(recoveries));
  api.route('/', eventRoutes(events));
  api.openAPIRegistry.register('StateDocument', StateDocument);
  api.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' });
  return api;
}

/** The OpenAPI 3.1 document, made from the schemas that check the requests. */
function describeApi(api: ReturnType<typeof createApi>, version: string) {
  return api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Fairway',
      version,
      description:
        'Controls the versions that Teleport agents upgrade to. A change that is stored but not yet replicated is ' +
        'answered with 202 instead of 200, 201 or 204, and with the header Fairway-Warning.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: API }],
  });
}
