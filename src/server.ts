import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { requirePeerFiles } from './config/peer-access.ts';
import { readRedisAccess } from './config/redis-login.ts';
import { readReleaseHistory } from './config/release-history.ts';
import type { Settings } from './config/settings.ts';
import type { Guest } from './dashboard/sign-in.ts';
import { LEAST_LOOK } from './domain/hearing.ts';
import { isEmpty, type Stage } from './domain/promotion.ts';
import { stalenessOf } from './domain/staleness.ts';
import { type Certificate, openCertificate } from './listeners/certificate.ts';
import type { OperatorSide } from './listeners/operator.ts';
import { openPublicSide, type PublicSide } from './listeners/public.ts';
import { createMetrics } from './metrics/registry.ts';
import { noteHead } from './service/audit-head.ts';
import { type Bootstrap, bootstrap } from './service/bootstrap.ts';
import { createMachineClock, createStoreClock, systemClock } from './service/clock.ts';
import { joinLeadership, type Leadership } from './service/leadership.ts';
import { shareCounts } from './service/shared-counts.ts';
import { openState, type State } from './service/state.ts';
import { createServices, type Services } from './services.ts';
import { openStore } from './store/open.ts';
import { ownDirectory } from './store/owned-directory.ts';
import { createSavedState, unsaved } from './store/saved-state.ts';
import { openTracing } from './tracing/open.ts';
import { traceStore } from './tracing/store.ts';
import type { Tracing } from './tracing/tracing.ts';

export interface RunningServer {
  publicUrl: string;
  operatorUrl: string;
  /** Stops in order: not ready, drain, flush, close. */
  close(): Promise<void>;
}

export interface StartOptions {
  settings: Settings;
  version: string;
  log: Logger;
  /** Instead of the clock of this machine, corrected by the store's. */
  now?: () => Date;
  /** People who may sign in to the dashboard with a click; only a demo has some. */
  guests?: readonly Guest[];
}

/** What a server has opened so far. */
interface Opened {
  tracing?: Tracing;
  certificate?: Certificate;
  operatorCertificate?: Certificate;
  store?: { close(): Promise<void> };
  /** Leaves the data directory to the next server. */
  giveBack?: () => void;
  clock?: { stop(): void };
  state?: State;
  bootstrap?: Bootstrap;
  head?: { stop(): void };
  publicSide?: PublicSide;
  leadership?: Leadership;
  operatorSide?: OperatorSide;
}

/** Milliseconds for the polls that waited for the start. Loading the operator's side then blocks for about 100 ms. */
const FIRST_POLLS_MS = 20;
/** Milliseconds for sending the last spans if requests under way used up the deadline. */
const LEAST_FLUSH_MS = 500;

/**
 * Starts a server. If it cannot start, for instance because an address is taken or the data directory cannot be used,
 * it closes everything that it has opened, then rejects.
 */
export async function start(options: StartOptions): Promise<RunningServer> {
  const { shutdown } = options.settings;
  const opened: Opened = {};
  try {
    const { log, publicUrl, operatorUrl } = await open(options, opened);
    return {
      publicUrl,
      operatorUrl,
      async close() {
        await closeAll(opened, shutdown);
        log.info({}, 'fairway is down');
      },
    };
  } catch (error) {
    // No drain: the server was never ready.
    await closeAll(opened, { ...shutdown, drain: 0 }).catch((err) => options.log.warn({ err }, 'could not close all'));
    throw error;
  }
}

async function open({ settings, version, ...options }: StartOptions, opened: Opened) {
  const history = settings.bootstrap.releases === null ? [] : readReleaseHistory(settings.bootstrap.releases);
  requirePeerFiles(settings);
  const tracing = await openTracing({ settings: settings.tracing, version, log: options.log });
  opened.tracing = tracing;
  const { tracer, log, counts: spans } = tracing;
  const certificate = settings.public.tls && (await openCertificate(settings.public.tls, log));
  if (certificate) opened.certificate = certificate;
  const operatorCertificate = settings.operator.tls && (await openCertificate(settings.operator.tls, log));
  if (operatorCertificate) opened.operatorCertificate = operatorCertificate;

  // Polls are not traced, so their check-ins use the store directly.
  const storing = storeOptions(settings, log);
  if (storing.redis === null) opened.giveBack = await ownStore(settings.dataDir, log);
  const pollStore = shareCounts(await openStore(storing));
  opened.store = pollStore;
  const store = traceStore(pollStore, tracer);
  const saved = store.kind === 'redis' ? createSavedState(settings.dataDir, log) : unsaved;
  const storeClock =
    store.kind === 'redis' && !options.now ? createStoreClock({ store, ...settings.store, log }) : null;
  // The embedded store's time is this machine's.
  const ownClock = storeClock ?? (options.now ? null : createMachineClock({ log }));
  if (ownClock) opened.clock = ownClock;
  const clock = ownClock ?? systemClock(options.now);
  const { now } = clock;
  const { withheldAfter } = stalenessOf(settings.store);
  const [state] = await Promise.all([
    openState({ store, saved, compareEvery: settings.store.compareEvery, withheldAfter, now, log }),
    storeClock?.measure(),
  ]);
  opened.state = state;

  const metrics = createMetrics();
  const services = createServices({ store, state, settings, observer: metrics.observer, tracer, now, log });
  const started = await bootstrap({ ...settings.bootstrap, history, store, state, services, now, log });
  opened.bootstrap = started;
  opened.head = noteHead(state, log);

  // Agents are served as soon as the state is loaded. The operator's side, which takes longer to load, comes later.
  const openSide = settings.workers > 1 ? (await import('./listeners/workers.ts')).openWorkers : openPublicSide;
  const offset = ownClock?.offset;
  const publicSide = await openSide({ state, store: pollStore, settings, certificate, now, offset, log });
  opened.publicSide = publicSide;

  const mayLead = () => state.storeState().is !== 'outdated' && clock.isTrusted();
  const leadership = await joinLeadership({ store, ...settings.leader, mayLead, tracer, log });
  opened.leadership = leadership;
  assignWork(leadership, services, settings, log);

  await sleep(FIRST_POLLS_MS);
  const { openOperatorSide } = await import('./listeners/operator.ts');
  const operatorSide = await openOperatorSide({
    services,
    settings,
    metrics,
    tracer,
    bootstrap: started,
    clock,
    publicSide,
    certificate: operatorCertificate,
    version,
    guests: options.guests ?? [],
    log,
  });
  opened.operatorSide = operatorSide;

  nameDefaults(settings, log);
  const { stages } = settings.promotion;
  metrics.watch({
    ...services,
    bootstrap: started,
    clock,
    now,
    version,
    leadership,
    stages,
    counts: publicSide.counts,
    refusedConnections: operatorSide.refusedConnections,
    certificate,
    operatorCertificate,
    spans,
  });
  const urls = { publicUrl: publicSide.url, operatorUrl: operatorSide.url };
  nameEmptyStages(stages, log);
  log.info({ version, store: store.kind, public: urls.publicUrl, operator: urls.operatorUrl }, 'fairway is up');
  return { log, ...urls };
}

/** Names the settings that are right for a first try and should be set for production. */
function nameDefaults({ fleet, webapi }: Settings, log: Logger): void {
  if (fleet.enrolment.mode === 'open') {
    log.warn(
      {},
      'enrolment is open: anyone who reaches the public listener can check in; set fleet.enrolment.mode: token',
    );
  }
  if (webapi.edition === null) {
    log.info({}, 'webapi.edition is not set, so v2 updaters get none; set it before they ask this server');
  }
}

function storeOptions(settings: Settings, log: Logger) {
  const { deadline, replication } = settings.store;
  const limits = { agents: settings.fleet.maxAgents, unenrolled: settings.fleet.maxUnenrolled };
  return { redis: readRedisAccess(settings), dataDir: settings.dataDir, deadline, replication, limits, log };
}

/** Rejects with `store_unavailable` if another server has the embedded store. */
const ownStore = (dataDir: string, log: Logger) =>
  ownDirectory(join(dataDir, 'store'), (reason) =>
    log.warn({ dataDir, reason }, 'a second server on this data directory would not be noticed'),
  );

/** Milliseconds; what is forgotten is months old. */
const RETENTION_EVERY = 60 * 60 * 1_000;

/** The work that one server does for all. */
function assignWork(
  leadership: Leadership,
  { fleet, plans, retention, rollouts, schedules, series, sources, promotionDriver, watch }: Services,
  settings: Settings,
  log: Logger,
): void {
  leadership.whileLeading('sweep', sweepEvery(settings.fleet.staleAfter), async (fence) => {
    const sightings = await fleet.sweep(fence);
    if (sightings > 0) log.info({ sightings }, 'forgot stale agents');
  });
  leadership.whileLeading('plans', settings.leader.plansEvery, plans.advance);
  leadership.whileLeading('watch', settings.leader.plansEvery, watch.look);
  leadership.whileLeading('rollouts', settings.leader.plansEvery, rollouts.advance);
  leadership.whileLeading('schedules', settings.leader.plansEvery, schedules.advance);
  leadership.whileLeading('series', settings.leader.seriesEvery, series.record);
  leadership.whileLeading('sources', settings.sources.every, sources.read);
  leadership.whileLeading('retention', RETENTION_EVERY, retention.forget);
  leadership.whileLeading('promotion', settings.promotion.advanceEvery, promotionDriver.advance);
}

/** Milliseconds. A stale agent leaves the census late by at most a twenty-fourth of `staleAfter`. */
const sweepEvery = (staleAfter: number) => Math.min(Math.max(staleAfter / 24, LEAST_LOOK), 30 * 60 * 1_000);

/** Closes the listeners first, so that every request under way finds what it needs. */
async function closeAll(opened: Opened, { drain, deadline }: Settings['shutdown']): Promise<void> {
  const began = performance.now();
  opened.bootstrap?.stop();
  opened.clock?.stop();
  opened.certificate?.close();
  opened.operatorCertificate?.close();
  await Promise.all([opened.publicSide?.close(drain), opened.operatorSide?.close(drain), opened.leadership?.close()]);
  opened.head?.stop();
  await opened.state?.close();
  await opened.store?.close();
  opened.giveBack?.();
  await opened.tracing?.close(Math.max(deadline - (performance.now() - began), LEAST_FLUSH_MS));
}

/** Names the stages that no release can pass: a fault of the settings, unless all are empty, as in the shipped ones. */
function nameEmptyStages(stages: readonly Stage[], log: Logger): void {
  // A class may have members later; until then its stage is shown as empty.
  const empty = stages.filter((stage) => isEmpty(stage) && !stage.tenants).map(({ name }) => name);
  if (empty.length === 0) return;
  const what = 'no release passes a stage without channels and control planes; name some in promotion.stages';
  log[empty.length === stages.length ? 'info' : 'warn']({ stages: empty }, what);
}
