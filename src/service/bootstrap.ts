import type { Logger } from 'pino';
import type { AuditHead } from '../domain/audit.ts';
import { type Act, type Channel, type ChannelSettings, createChannel, DEFAULT_SETTINGS } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import { withPurpose } from '../domain/purpose.ts';
import type { Actor } from '../domain/role.ts';
import { applyWrites, channelKey, controlPlaneKey, replace, type Snapshot } from '../domain/snapshot.ts';
import type { ControlLog, Write } from '../domain/store.ts';
import { requireVersion } from '../domain/version.ts';
import { who } from '../domain/words.ts';
import { repeat } from '../process/repeat.ts';
import { releaseGuards, retryOnConflict } from './change.ts';
import type { Cleared } from './cleared.ts';
import type { Gate } from './gate.ts';
import type { ListedRelease, Releases } from './releases.ts';
import type { State } from './state.ts';

export interface BootstrapOptions {
  history: ListedRelease[];
  /** Versions by control plane. */
  controlPlanes: Readonly<Record<string, string>>;
  channels: readonly (Partial<ChannelSettings> & { name: string; target?: string | undefined })[];
  store: Pick<ControlLog, 'rouse' | 'announced'>;
  state: Pick<State, 'storeState' | 'snapshot' | 'commit'>;
  services: { gate: Pick<Gate, 'clear' | 'enforceTools'>; releases: Pick<Releases, 'import'> };
  now: () => Date;
  log: Logger;
}

/**
 * What became of the settings' part of the state.
 *
 * - `done`: everything exists, or was deleted since.
 * - `waiting`: the store is away or has lost changes, so nothing can be created yet.
 * - `held`: the store is empty, and another server serves a state of that revision. Nothing is created until an admin
 *   decides there.
 * - `refused`: nothing was created, because of the faults. It is tried again at the next start.
 */
export type BootstrapState =
  | { is: 'done' | 'waiting' }
  | { is: 'held'; revision: number }
  | { is: 'refused'; faults: readonly string[] };

export interface Bootstrap {
  state(): BootstrapState;
  stop(): void;
}

const ACTOR: Actor = { name: 'system:bootstrap', role: 'admin' };
const REASON = 'named in the settings';
const TRY_AGAIN_MS = 1_000;
/** Milliseconds. Another server answers within one comparison with the store, and reconnects within half of this. */
const ANSWER_WITHIN_MS = 1_000;
const LOOK_EVERY_MS = 50;

/**
 * Creates what the settings name and the store lacks, in one commit; what exists is left alone, and what was deleted
 * stays deleted. While the store is away it tries again every second, until `stop`. Never rejects: a server that starts
 * serves what is stored, whatever the settings ask for.
 */
export async function bootstrap(options: BootstrapOptions): Promise<Bootstrap> {
  let found: BootstrapState = { is: 'waiting' };
  const isSettled = () => found.is === 'done' || found.is === 'refused';

  async function attempt(): Promise<void> {
    const before = found.is;
    const after = await tryAll(options);
    if (after.is === 'held' && before !== 'held') options.log.error({ revision: after.revision }, describeHold(after));
    found = after;
  }

  await attempt();
  if (isSettled()) return { state: () => found, stop() {} };
  const attempts = repeat('bootstrap', TRY_AGAIN_MS, options.log, async () => {
    await attempt();
    if (isSettled()) attempts.stop();
  });
  return { state: () => found, stop: attempts.stop };
}

/** A sentence for the log and `/readyz`. */
export const describeHold = ({ revision }: { revision: number }): string =>
  `the store is empty, and another server serves revision ${revision}, so nothing that the settings name was ` +
  'created; decide on that server, with fairway recover served or fairway recover stored';

/** A sentence for the log and `/readyz`. */
export const describeFaults = ({ faults }: { faults: readonly string[] }): string =>
  `the bootstrap was refused: ${faults.join('; ')}; nothing of it was created. ` +
  'Correct bootstrap in the settings and restart (see docs/runbooks/bootstrap-refused.md)';

async function tryAll(options: BootstrapOptions): Promise<BootstrapState> {
  const { history, controlPlanes, channels, store, state, log } = options;
  if (history.length + Object.keys(controlPlanes).length + channels.length === 0) return { is: 'done' };
  if (state.storeState().is !== 'up') return { is: 'waiting' };
  try {
    const other = state.snapshot().revision === 0 ? await findOther(store) : null;
    if (other) return { is: 'held', revision: other.id };
    if (history.length > 0) await importHistory(options);
    await retryOnConflict({ ifMatch: null }, () => createMissing(options));
    return { is: 'done' };
  } catch (err) {
    if (err instanceof FairwayError && MAY_PASS.includes(err.code)) {
      log.warn({ err }, 'could not create everything that the settings name; it will be tried again');
      return { is: 'waiting' };
    }
    const faults = err instanceof Refused ? err.faults : [(err as Error).message];
    log.error(err instanceof Refused ? { faults } : { faults, err }, describeFaults({ faults }));
    return { is: 'refused', faults };
  }
}

/** The store is away, or other servers changed the same documents again and again. */
const MAY_PASS: readonly FairwayError['code'][] = ['store_unavailable', 'revision_mismatch'];

class Refused extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('; '));
    this.faults = faults;
  }
}

/** The head that another server serves although the store is empty; null if none says so in time. */
async function findOther(store: BootstrapOptions['store']): Promise<AuditHead | null> {
  if (!(await store.rouse())) return null;
  const end = performance.now() + ANSWER_WITHIN_MS;
  for (;;) {
    const head = await store.announced();
    if (head || performance.now() >= end) return head;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function importHistory({ history, services }: BootstrapOptions): Promise<void> {
  try {
    await services.releases.import(history, ACTOR);
  } catch (error) {
    // Another server that starts at the same time may have imported it first.
    if (!(error instanceof FairwayError && error.code === 'revision_mismatch')) throw error;
  }
}

async function createMissing(options: BootstrapOptions): Promise<void> {
  const { state, services, now, log } = options;
  const snapshot = state.snapshot();
  const at = now();
  const channels = newChannels(options, snapshot, { by: ACTOR.name, at, reason: REASON });
  const writes = [
    ...newControlPlanes(options, snapshot, at),
    ...channels.map((channel) => replace(channelKey(channel.name), undefined, channel)),
  ];
  if (writes.length === 0) return;
  const cleared = await clearAll(services.gate, channels, applyWrites(snapshot, writes, snapshot));
  const entry = {
    at: at.toISOString(),
    actor: ACTOR.name,
    action: 'create',
    subject: 'state',
    reason: REASON,
    before: null,
    after: Object.fromEntries(writes.map(({ key, value }) => [key, value])),
  };
  const judged = channels.flatMap(({ target, toolsVersion }) => [target, toolsVersion]);
  await state.commit(writes, entry, { guards: releaseGuards(snapshot.releases, judged), cleared });
  for (const { name, target } of channels)
    log.info({ channel: name, target }, 'created a channel that the settings name');
}

function newControlPlanes({ controlPlanes, log }: BootstrapOptions, snapshot: Snapshot, at: Date): Write[] {
  return Object.entries(controlPlanes).flatMap(([name, version]) => {
    if (snapshot.controlPlanes.has(name) || snapshot.bad.has(controlPlaneKey(name))) return [];
    const retired = snapshot.retiredControlPlanes.get(name);
    if (retired) {
      log.info({ controlPlane: name }, describeDeleted(`control plane ${name}`, retired));
      return [];
    }
    const stamp = { updatedAt: at.toISOString(), updatedBy: ACTOR.name };
    return [replace(controlPlaneKey(name), undefined, { name, version: requireVersion(version).text, ...stamp })];
  });
}

const describeDeleted = (what: string, { at, by }: { at: string; by: string }): string =>
  `${what} was deleted at ${at} by ${who(by)}, so it is not created again`;

function newChannels({ channels, log }: BootstrapOptions, snapshot: Snapshot, act: Act): Channel[] {
  return channels.flatMap(({ name, target, ...settings }) => {
    // A damaged document that nothing good is known of is left to a person: its target may have moved on.
    if (snapshot.channels.has(name) || snapshot.bad.has(channelKey(name))) return [];
    const retired = snapshot.retired.get(name);
    if (retired) {
      log.info({ channel: name, at: retired.at, by: retired.by }, describeDeleted(name, retired));
      return [];
    }
    const version = target === undefined ? null : requireVersion(target);
    return createChannel(name, { ...DEFAULT_SETTINGS, ...withPurpose(settings) }, version, act);
  });
}

/** Judges each channel in the state as it will be. Throws `Refused` with every fault. */
async function clearAll(
  gate: BootstrapOptions['services']['gate'],
  channels: readonly Channel[],
  snapshot: Snapshot,
): Promise<Cleared[]> {
  const cleared: Cleared[] = [];
  const faults: string[] = [];
  for (const channel of channels) {
    try {
      const request = { actor: ACTOR, dryRun: false };
      const verdict = await gate.clear(null, channel, request, { snapshot, former: null });
      gate.enforceTools(channel, { snapshot, asker: ACTOR });
      if (verdict.cleared) cleared.push(verdict.cleared);
    } catch (error) {
      if (!(error instanceof FairwayError) || error.code === 'store_unavailable') throw error;
      faults.push(`${channel.name}: ${error.message}`);
    }
  }
  if (faults.length > 0) throw new Refused(faults);
  return cleared;
}
