import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Settings } from '../../src/config/settings.ts';
import type { Sighting } from '../../src/domain/agent.ts';
import type { AuditEntry } from '../../src/domain/audit.ts';
import { targetsOf } from '../../src/domain/snapshot.ts';
import type { Store } from '../../src/domain/store.ts';
import { FACES_TOKENS, openFaces } from './faces.ts';
import { type Clock, DAY, HOUR, MINUTE, openWorkplace, settingsWith } from './store-services.ts';

export interface YearOptions {
  kind: Store['kind'];
  days: number;
  /** Besides the daily release with its promotion, what comes and goes, and the background work. */
  changesADay: number;
  /** Channels, and as many control planes and releases of a history. */
  channels: number;
  /** Agents that poll once a day, a tenth of them new. */
  agents: number;
  /** Milliseconds. */
  retention: Settings['retention'];
  /** Days between two releases that go through the stages; the others are superseded by the next one. */
  promoteEvery: number;
  /** Days between two inventories, and two sweeps of the fleet. */
  fleetEvery: number;
  /** Days of the audit log that stay when it is archived, which happens as often. */
  archiveAfter: number;
}

/** How much there is, after a day of the simulation. */
export interface Size {
  day: number;
  /** Revision, which is the number of changes. */
  changes: number;
  documents: number;
  releases: number;
  /** Bytes of all documents as JSON. */
  state: number;
  /** Bytes of live objects in this process, the services and the reading of the sizes. */
  memory: number;
  /** Bytes. */
  store: number;
  /** Bytes of each page and answer. */
  pages: Record<string, number>;
  /** Milliseconds that one change took, as the mean of the day. */
  change: number;
}

const ADMIN = { name: 'token:year', role: 'admin' } as const;
const SECOND_PERSON = { name: 'token:second', role: 'admin' } as const;
const REQUEST = { actor: ADMIN, ifMatch: null, dryRun: false };
const BY = { reason: 'the simulated year' };
const PAGES = [
  '/',
  '/releases',
  '/audit',
  '/metrics',
  '/api/v1/status',
  '/api/v1/channels',
  '/api/v1/releases',
  '/api/v1/audit',
  '/api/v1/census',
  '/api/v1/export',
];
const AT_ONCE = 100;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/**
 * Lives through days as a busy installation does, by a clock of its own: a release a day goes through two stages,
 * channels and control planes come and go, agents poll, labels sign changes off, an inventory is imported, and old
 * entries of the audit log are archived. Calls `measured` with the sizes after each of `lookAt`, which are days.
 */
export async function simulateYear(
  options: YearOptions,
  lookAt: readonly number[],
  measured: (size: Size) => void,
): Promise<void> {
  const {
    kind,
    days,
    channels: channelCount,
    agents,
    retention,
    archiveAfter,
    changesADay,
    promoteEvery,
    fleetEvery,
  } = options;
  const clock: Clock = { at: Date.parse('2026-01-01T00:00:00Z') };
  const stage = {
    controlPlanes: [],
    accepts: ['cloud' as const],
    conditions: [],
    soak: HOUR,
    expeditedSoak: HOUR,
    tenants: null,
    purpose: null,
  };
  const settings = settingsWith((shipped) => ({
    retention,
    public: { ...shipped.public, host: '127.0.0.1', port: 0 },
    operator: { ...shipped.operator, port: 0 },
    fleet: { ...shipped.fleet, enrolment: { mode: 'open', tokens: [] } },
    tokens: FACES_TOKENS,
    promotion: {
      ...shipped.promotion,
      stages: [
        { ...stage, name: 'canary', channels: ['canary'], automatic: false, signOff: false, approval: false },
        { ...stage, name: 'prod', channels: ['prod'], automatic: true, signOff: true, approval: true },
      ],
    },
  }));
  const place = await openWorkplace(kind, clock, settings);
  const { services, store, fence } = place;
  const { state, channels, controlPlanes, releases, promotions, promotionDriver, signOffs, audit } = services;
  const faces = await openFaces(services, store, settings, () => new Date(clock.at));
  let spent = 0;
  let changes = 0;

  /** Creates what is there all the time. */
  async function furnish(): Promise<void> {
    const names = Array.from({ length: channelCount }, (_, n) => `many/c${n}`);
    for (const name of ['canary', 'prod']) await channels.put(name, { target: '16.4.6' }, REQUEST);
    for (let done = 0; done < names.length; done += AT_ONCE) {
      const some = names.slice(done, done + AT_ONCE);
      await services.transfer.apply(
        {
          fairway: 1,
          channels: some.map((name) => ({ name, target: '16.4.6' })),
          controlPlanes: some.map((_, n) => ({ name: `tenant-${done + n}`, version: '17.0.0' })),
        } as Parameters<typeof services.transfer.apply>[0],
        { actor: ADMIN, ifMatch: null, dryRun: false },
      );
    }
    const history = names.map((_, n) => ({
      version: `16.${4 + Math.floor(n / 100)}.${6 + (n % 100)}`,
      date: '2025-12-01',
      security: false,
    }));
    await releases.import([{ version: '16.4.6', date: '2025-11-01', security: false }, ...history], ADMIN);
  }

  const work = async () => {
    await promotionDriver.advance(fence);
    await services.plans.advance(fence);
    await services.rollouts.advance(fence);
    await services.watch.look(fence);
  };

  /** A release is registered, takes the place of the one before, and on some days goes through both stages. */
  async function release(day: number): Promise<void> {
    const cutAt = new Date(clock.at).toISOString();
    const stamp = cutAt.replace(/[-:]|\.\d+Z$/g, '');
    const version = `17.0.0-cloud.${stamp}.f00dfac`;
    const artifacts = { controlPlane: 'published', packages: 'published', helm: 'published' } as const;
    const changes = Array.from({ length: 5 }, (_, n) => ({
      ...{
        pr: day * 10 + n,
        title: `Change ${n} of day ${day}, which has a title as long as others`,
        significant: n === 0,
      },
    }));
    const previous = [...state.snapshot().releases.values()].findLast(({ registered }) => registered)?.version;
    await releases.register({ version, commit: 'f00dfacade', cutAt, previous, artifacts, changes }, REQUEST);
    const isOver = day % promoteEvery === 1 || promoteEvery === 1;
    if (previous && !isOver) await promotions.supersede(previous, { by: version, ...BY }, REQUEST);
    const label = { delivery: `delivery-${day}`, pr: day * 10, signedOff: true, by: 'qa', at: cutAt };
    await signOffs.byLabel(label);
    if (day % promoteEvery !== 0) return;
    const second = { ...REQUEST, actor: SECOND_PERSON };
    await promotions.approve(version, { stage: 'prod', ...BY }, second);
    await promotions.promote(version, BY, REQUEST);
    for (let hour = 0; hour < 4; hour++) {
      await work();
      clock.at += HOUR + MINUTE;
    }
    if (state.snapshot().channels.get('prod')?.target !== version) throw new Error(`${version} did not reach prod`);
    if (day % (6 * promoteEvery) === 0) await services.recall.pull(version, BY, REQUEST);
  }

  async function pollAll(day: number): Promise<void> {
    const targets = targetsOf(state.snapshot());
    const sightings = Array.from({ length: agents }, (_, n): Sighting => {
      const channel = n % 2 === 0 ? 'prod' : `many/c${n % channelCount}`;
      const id = n % 10 === 0 ? `scaled-${day}-${n}` : `agent-${n}`;
      return {
        ...{ id, channel, version: targets.get(channel) ?? '16.4.6', at: clock.at, enrolled: true, proven: true },
        ...{ updater: 'unit' as const, updaterVersion: null, group: null, updaterState: null, host: null },
        ...{ listing: null, expired: false },
      };
    });
    await store.recordSightings('check-ins', sightings, { now: clock.at, contestedFor: HOUR, targets });
  }

  async function importInventory(): Promise<void> {
    const listed = Array.from({ length: 50 }, (_, n) => ({
      kind: 'instance',
      metadata: { name: `listed-${n}` },
      spec: { version: '16.4.6', ext_upgrader: 'unit', last_seen: new Date(clock.at).toISOString() },
    }));
    const own = { kind: 'instance', metadata: { name: 'auth' }, spec: { version: '17.0.0', services: ['Auth'] } };
    const instances = (async function* () {
      yield* [own, ...listed];
    })();
    const sender = { actor: ADMIN, address: '', sha256: () => `day of ${clock.at}` };
    await services.inventories.importInventory({ channel: 'many/c0', mode: 'proven' }, instances, sender);
  }

  /** A channel and a control plane that are there for a day. */
  async function comeAndGo(day: number): Promise<void> {
    await channels.put(`preview/d${day}`, { target: '16.4.6' }, REQUEST);
    await controlPlanes.report(`preview-${day}`, '17.0.0', REQUEST);
    if (day === 0) return;
    await channels.remove(`preview/d${day - 1}`, REQUEST);
    await controlPlanes.remove(`preview-${day - 1}`, REQUEST);
  }

  async function change(nth: number): Promise<void> {
    const channel = `many/c${nth % channelCount}`;
    const plane = `tenant-${nth % channelCount}`;
    if (nth % 4 === 0) await channels.act(channel, 'pin', BY, REQUEST);
    else if (nth % 4 === 1) await channels.put(channel, { description: `change ${nth}` }, REQUEST);
    else if (nth % 4 === 2)
      await controlPlanes.report(plane, `17.0.${1 + (Math.floor(nth / channelCount) % 50)}`, REQUEST);
    else await moveToAndFro(channel);
  }

  async function moveToAndFro(channel: string): Promise<void> {
    const { target } = channels.read(channel);
    const verb = target === '16.4.6' ? 'roll-forward' : 'roll-back';
    await channels.act(channel, verb, { ...BY, version: target === '16.4.6' ? '16.4.7' : '16.4.6' }, REQUEST);
  }

  async function archive(): Promise<void> {
    let head: AuditEntry | undefined;
    for await (const entries of audit.archive.read(new Date(clock.at - archiveAfter * DAY)))
      head = entries.at(-1) ?? head;
    if (head) await audit.archive.archive({ head, ...BY }, ADMIN, false);
  }

  async function measure(day: number): Promise<void> {
    const pages: Record<string, number> = {};
    // Twice, because the first time adds series of these requests to the metrics.
    for (const path of [...PAGES, ...PAGES]) {
      const answer = await faces.get(path);
      if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.text.slice(0, 200)}`);
      pages[path] = answer.text.length;
    }
    const { documents, releases, revision } = state.snapshot();
    const bytes = [...documents.values()].reduce((sum, { value }) => sum + JSON.stringify(value).length, 0);
    const size = await place.size();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    measured({
      ...{ day, changes: revision, documents: documents.size, releases: releases.size, state: bytes },
      ...{ memory: heapUsed + external, store: size, pages, change: spent / changes },
    });
  }

  try {
    await furnish();
    for (let day = 0; day < days; day++) {
      const midnight = clock.at;
      await comeAndGo(day);
      await release(day);
      await pollAll(day);
      const begun = performance.now();
      for (let nth = 0; nth < changesADay; nth++) await change(day * changesADay + nth);
      spent = performance.now() - begun;
      changes = changesADay;
      if (day % fleetEvery === 0) {
        await importInventory();
        await services.fleet.sweep(fence);
        await services.series.record(fence);
      }
      await services.retention.forget(fence);
      if (day % archiveAfter === archiveAfter - 1) await archive();
      clock.at = midnight + DAY;
      if (lookAt.includes(day + 1)) await measure(day + 1);
    }
  } finally {
    await faces.close();
    await place.close();
  }
}
