import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { readRedisAccess } from './config/redis-login.ts';
import { readReleaseHistory } from './config/release-history.ts';
import type { Settings } from './config/settings.ts';
import { openCertificate } from './listeners/certificate.ts';
import { openPublicSide } from './listeners/public.ts';
import { createMetrics } from './metrics/registry.ts';
import { createHttpPeers } from './peers/http.ts';
import { createConditions } from './peers/prometheus.ts';
import { createAudit } from './service/audit.ts';
import { bootstrap } from './service/bootstrap.ts';
import { createChannels } from './service/channels.ts';
import { createControlPlanes } from './service/control-planes.ts';
import { createFleet } from './service/fleet.ts';
import { createGate } from './service/gate.ts';
import { joinLeadership } from './service/leadership.ts';
import { createPlans } from './service/plans.ts';
import { createPromotionDriver } from './service/promotion-driver.ts';
import { createFacts } from './service/promotion-facts.ts';
import { createPromotions } from './service/promotions.ts';
import { createRecall } from './service/recall.ts';
import { createRecoveries } from './service/recovery.ts';
import { createReleases } from './service/releases.ts';
import { createSeries } from './service/series.ts';
import { createSignOffs } from './service/sign-offs.ts';
import { createSources } from './service/sources.ts';
import { openState } from './service/state.ts';
import { createTransfer } from './service/transfer.ts';
import { openStore } from './store/open.ts';
import { createSavedState, unsaved } from './store/saved-state.ts';
import { traceGate } from './tracing/gate.ts';
import { openTracing } from './tracing/open.ts';
import { traceConditions, tracePeers } from './tracing/peers.ts';
import { traceStore } from './tracing/store.ts';

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
  now?: () => Date;
}

/** Metrics of an auth server are some 100 KB. */
const MAX_PEER_BODY = 8 * 1024 * 1024;
/** Milliseconds for polls that wait for this start: what is loaded after it holds up all others for a tenth of a second. */
const FIRST_POLLS = 20;
/** Milliseconds for the last spans, where requests under way used up the deadline. */
const LEAST_FLUSH = 500;

/** Stale agents leave the census late by a twenty-fourth of `staleAfter` at most. */
const sweepEvery = (staleAfter: number) => Math.min(Math.max(staleAfter / 24, 1_000), 30 * 60 * 1_000);

/** Wires a server and starts it. Rejects if an address is taken or the data directory cannot be used. */
export async function start({ now = () => new Date(), ...options }: StartOptions): Promise<RunningServer> {
  const { settings, version } = options;
  const { dataDir, fleet: fleetSettings, compatibility, shutdown } = settings;
  const history = settings.bootstrap.releases === null ? [] : readReleaseHistory(settings.bootstrap.releases);
  const tracing = await openTracing({ settings: settings.tracing, version, log: options.log });
  const { tracer, log } = tracing;
  const limits = { agents: fleetSettings.maxAgents, unenrolled: fleetSettings.maxUnenrolled };
  const certificate = settings.public.tls && (await openCertificate(settings.public.tls, log));
  const { deadline, compareEvery, replication } = settings.store;
  // Polls are not traced, so their check-ins go by the store itself.
  const pollStore = await openStore({ redis: readRedisAccess(settings), dataDir, deadline, replication, limits, log });
  const store = traceStore(pollStore, tracer);
  const saved = store.kind === 'redis' ? createSavedState(join(dataDir, 'state.json'), log) : unsaved;
  const state = await openState({ store, saved, compareEvery, now, log });

  const metrics = createMetrics();
  const { observer } = metrics;
  const policy = { ...compatibility, staleAfter: fleetSettings.staleAfter };
  const fleet = createFleet({ store, state, policy, now });
  const strictCatalogue = compatibility.catalogue === 'strict';
  const gate = traceGate(createGate({ state, fleet, strictCatalogue, observer }), tracer);
  const channels = createChannels({ state, fleet, gate, observer, now });
  const plans = createPlans({ state, gate, observer, tracer, now, log });
  const series = createSeries({ store, state, fleet, now });
  const { stages, grace, advanceEvery, prometheus } = settings.promotion;
  const controlPlanes = createControlPlanes({ state, fleet, grace, now });
  const peers = tracePeers(createHttpPeers({ timeout: settings.sources.timeout, maxBody: MAX_PEER_BODY }), tracer);
  const conditions = traceConditions(createConditions(prometheus), tracer);
  const sources = createSources({
    ...settings.sources,
    peers,
    store,
    state,
    planes: controlPlanes,
    observer,
    now,
    log,
  });
  const releases = createReleases({ state, promotes: stages[0]?.accepts ?? [], now });
  const recall = createRecall({ state, gate, releases, stages, observer, now });
  const facts = createFacts({ gate, controlPlanes, conditions, stages, now });
  const driver = createPromotionDriver({ state, facts, recall, stages, observer, tracer, now });

  const signOffs = createSignOffs({ state, releases, now });
  const promotions = createPromotions({ state, releases, facts, stages, now });

  const services = { channels, controlPlanes, releases };
  const naming = await bootstrap({ ...settings.bootstrap, history, state, services, log });

  // Agents are answered as soon as the state is there; what operators need is loaded after that.
  const openSide = settings.workers > 1 ? (await import('./listeners/workers.ts')).openWorkers : openPublicSide;
  const publicSide = await openSide({ state, store: pollStore, settings, certificate, now, log });

  const mayLead = () => state.storeState().is !== 'outdated';
  const leadership = await joinLeadership({ store, ...settings.leader, mayLead, tracer, log });
  leadership.whileLeading('sweep', sweepEvery(fleetSettings.staleAfter), async () => {
    const sightings = await fleet.sweep();
    if (sightings > 0) log.info({ sightings }, 'forgot stale agents');
  });
  leadership.whileLeading('plans', settings.leader.plansEvery, plans.advance);
  leadership.whileLeading('series', settings.leader.seriesEvery, series.record);
  leadership.whileLeading('sources', settings.sources.every, sources.read);
  leadership.whileLeading('promotion', advanceEvery, driver.advance);

  await sleep(FIRST_POLLS);
  const { openOperatorSide } = await import('./listeners/operator.ts');
  const operatorSide = await openOperatorSide({
    ...{ channels, fleet, plans, series, controlPlanes, releases, recall, signOffs, promotions },
    audit: createAudit(store, state),
    transfer: createTransfer({ state, gate, now }),
    recoveries: createRecoveries({ store, state, now }),
    ...{ state, metrics, tracer, settings, version, now, log },
  });
  const { counts } = publicSide;
  const { counts: spans } = tracing;
  metrics.watch({ version, leadership, state, channels, fleet, stages, counts, certificate, spans });
  log.info({ version, store: store.kind, public: publicSide.url, operator: operatorSide.url }, 'fairway is up');

  return {
    publicUrl: publicSide.url,
    operatorUrl: operatorSide.url,
    async close() {
      const began = performance.now();
      naming.stop();
      certificate?.close();
      await Promise.all([publicSide.close(), operatorSide.close(), leadership.close()]);
      await state.close();
      await store.close();
      await tracing.close(Math.max(shutdown.deadline - (performance.now() - began), LEAST_FLUSH));
      log.info({}, 'fairway is down');
    },
  };
}
