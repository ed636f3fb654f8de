import type { Logger } from 'pino';
import { peerAccesses } from './config/peer-access.ts';
import type { Settings } from './config/settings.ts';
import { countedStaleAfter } from './domain/hearing.ts';
import type { Store } from './domain/store.ts';
import { resolveStages } from './domain/tenant.ts';
import type { Tracer } from './domain/tracer.ts';
import type { Metrics } from './metrics/registry.ts';
import { createHttpPeers } from './peers/http.ts';
import { createConditions } from './peers/prometheus.ts';
import { type Audit, createAudit } from './service/audit.ts';
import { type Changes, createChanges } from './service/changes.ts';
import { type Channels, createChannels } from './service/channels.ts';
import { type ControlPlanes, createControlPlanes } from './service/control-planes.ts';
import { createEvidences, type Evidences } from './service/evidence.ts';
import { createFleet, type Fleet } from './service/fleet.ts';
import { createFreezes, type Freezes } from './service/freezes.ts';
import { createGate, type Gate } from './service/gate.ts';
import { createInventories, type Inventories } from './service/inventory.ts';
import { createPlans, type Plans } from './service/plans.ts';
import { createPromotionDriver, type PromotionDriver } from './service/promotion-driver.ts';
import { createFacts } from './service/promotion-facts.ts';
import { createPromotions, type Promotions } from './service/promotions.ts';
import { createRecall, type Recall } from './service/recall.ts';
import { createRecoveries, type Recoveries } from './service/recovery.ts';
import { createReleases, type Releases } from './service/releases.ts';
import { createRetention, type Retention } from './service/retention.ts';
import { createRolloutFacts } from './service/rollout-facts.ts';
import { createRollouts, type Rollouts } from './service/rollouts.ts';
import { createSchedules, type Schedules } from './service/schedules.ts';
import { createSeries, type Series } from './service/series.ts';
import { createSignOffs, type SignOffs } from './service/sign-offs.ts';
import { createSources, type Sources } from './service/sources.ts';
import type { State } from './service/state.ts';
import { createStatus, type StatusReader } from './service/status.ts';
import { createTransfer, type Transfer } from './service/transfer.ts';
import { createWatch, type Watch } from './service/watch.ts';
import { traceGate } from './tracing/gate.ts';
import { traceConditions, tracePeers } from './tracing/peers.ts';

/** Everything that listeners and background work can ask for. Each of them picks what it needs. */
export interface Services {
  state: State;
  status: StatusReader;
  audit: Audit;
  channels: Channels;
  evidences: Evidences;
  inventories: Inventories;
  controlPlanes: ControlPlanes;
  fleet: Fleet;
  freezes: Freezes;
  gate: Gate;
  plans: Plans;
  promotionDriver: PromotionDriver;
  promotions: Promotions;
  recall: Recall;
  recoveries: Recoveries;
  releases: Releases;
  retention: Retention;
  rollouts: Rollouts;
  schedules: Schedules;
  series: Series;
  changes: Changes;
  signOffs: SignOffs;
  sources: Sources;
  transfer: Transfer;
  watch: Watch;
}

/** What the services are made of. */
export interface ServiceParts {
  store: Store;
  state: State;
  settings: Pick<
    Settings,
    | 'bootstrap'
    | 'compatibility'
    | 'defaultChannel'
    | 'evidence'
    | 'fleet'
    | 'freezes'
    | 'groups'
    | 'leader'
    | 'promotion'
    | 'retention'
    | 'sources'
    | 'tokens'
  >;
  observer: Metrics['observer'];
  tracer: Tracer;
  now: () => Date;
  log: Logger;
}

/** Bytes. The metrics of an auth server are about 100 KB. */
const MAX_PEER_BODY = 8 * 1024 * 1024;

export function createServices({ store, state, settings, observer, tracer, now, log }: ServiceParts): Services {
  const { compatibility, evidence, sources: sourceSettings } = settings;
  const { contestedFor, flushEvery } = settings.fleet;
  const staleAfter = countedStaleAfter(settings.fleet.staleAfter, flushEvery);
  const { stages, grace, majorOverlap, prometheus } = settings.promotion;
  const stagesAt = resolveStages(stages);

  const policy = { ...compatibility, ...evidence, staleAfter };
  const fleet = createFleet({ store, state, policy, membership: settings, now });
  const strictCatalogue = compatibility.catalogue === 'strict';
  const awaited = new Set(Object.keys(sourceSettings.controlPlanes));
  const gate = traceGate(
    createGate({
      state,
      fleet,
      strictCatalogue,
      settleFor: evidence.settleFor,
      awaited,
      stages,
      freezes: settings.freezes,
      observer,
      now,
    }),
    tracer,
  );
  const controlPlanes = createControlPlanes({
    ...{ state, fleet, stages, grace, now },
    settleFor: evidence.settleFor,
    unmanaged: compatibility.unmanaged,
    strictCatalogue,
  });
  const access = peerAccesses(settings);
  const reading = { timeout: sourceSettings.timeout, maxBody: MAX_PEER_BODY, access: access.sources };
  const peers = tracePeers(createHttpPeers(reading), tracer);
  const conditions = traceConditions(createConditions({ ...prometheus, access: access.prometheus }), tracer);
  const retention = createRetention({
    ...{ store, state, policy: settings.retention, membership: settings, stagesAt, now, log },
    presumeServedFor: compatibility.presumeServedFor,
    bootstrap: settings.bootstrap,
  });
  const keepReleasesFor = settings.retention.releases;
  const promotes = stages[0]?.accepts ?? [];
  const releases = createReleases({ state, promotes, majorOverlap, keepReleasesFor, now });
  const recall = createRecall({ state, gate, fleet, releases, stages, observer, now });
  const rolloutFacts = createRolloutFacts({ store, state, fleet, membership: settings, now });
  const channels = createChannels({ state, fleet, gate, observer, now });
  const freezes = createFreezes({ state, configured: settings.freezes, now });
  const { lateBy } = settings.leader;
  const schedules = createSchedules({ state, channels, tokens: settings.tokens, lateBy, observer, now, log });
  const facts = createFacts({ gate, controlPlanes, conditions, stagesAt, now });
  const promotions = createPromotions({ state, releases, fleet, facts, stagesAt, now });

  return {
    state,
    status: createStatus({ state, fleet, channels, freezes, now }),
    audit: createAudit(store, state, now),
    channels,
    controlPlanes,
    evidences: createEvidences({ store, state, fleet, policy: evidence, now }),
    fleet,
    freezes,
    gate,
    inventories: createInventories({ store, state, membership: settings, settle: evidence, contestedFor, now }),
    plans: createPlans({ state, gate, fleet, observer, tracer, now, log }),
    promotionDriver: createPromotionDriver({
      state,
      gate,
      fleet,
      facts,
      conditions,
      recall,
      stagesAt,
      observer,
      tracer,
      now,
    }),
    promotions,
    changes: createChanges({ state, promotions, stages }),
    recall,
    recoveries: createRecoveries({ store, state, gate, fleet, now }),
    releases,
    retention,
    rollouts: createRollouts({ state, gate, facts: rolloutFacts, fleet, observer, tracer, now, log }),
    schedules,
    series: createSeries({ store, state, fleet, now }),
    signOffs: createSignOffs({ state, releases, now }),
    sources: createSources({
      ...sourceSettings,
      settle: evidence,
      peers,
      store,
      state,
      planes: controlPlanes,
      observer,
      now,
      log,
    }),
    watch: createWatch({ state, gate, facts: rolloutFacts, conditions, observer, tracer, now, log }),
    transfer: createTransfer({ state, gate, fleet, now }),
  };
}
