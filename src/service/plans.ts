import type { Logger } from 'pino';
import { type Channel, channelAt, type Plan, stamp } from '../domain/channel.ts';
import { type Report, stopsOf } from '../domain/compatibility.ts';
import { FairwayError } from '../domain/errors.ts';
import {
  fixOfStop,
  isClosed,
  nextStep,
  PLAN_ACTOR,
  refresh,
  reroute,
  takeFix,
  takeNextStep,
  type Waiting,
  waitingFor,
} from '../domain/plan.ts';
import type { Actor } from '../domain/role.ts';
import { channelKey, requireChannel, type Stored } from '../domain/snapshot.ts';
import type { Tracer } from '../domain/tracer.ts';
import { requireVersion, type Version } from '../domain/version.ts';
import { countWarnings } from '../process/warnings.ts';
import { commitDocument, targetGuards } from './change.ts';
import type { Fleet, FleetReading } from './fleet.ts';
import type { Gate } from './gate.ts';
import type { State } from './state.ts';

/** Where a channel's plan stands; all null without one. */
export interface PlanState {
  plan: Plan | null;
  next: string | null;
  /** Null where nothing stands in the way of the next step, which is taken then within seconds. */
  waiting: Waiting | null;
  /** The gate's on the next step. */
  report: Report | null;
}

/** Counts events for Prometheus. */
export interface PlanObserver {
  targetChanged(channel: string, verb: string): void;
  /** Null: it waits no more. */
  planWaits(channel: string, reason: string | null): void;
}

export interface Plans {
  state(channel: string): Promise<PlanState>;
  /** Takes the next step of every plan that may. */
  advance(fence: number): Promise<void>;
}

export interface PlansOptions {
  state: State;
  gate: Pick<Gate, 'assess' | 'clear' | 'closed'>;
  fleet: Pick<Fleet, 'glance'>;
  observer: PlanObserver;
  tracer: Tracer;
  now: () => Date;
  log: Logger;
}

const ACTOR: Actor = { name: PLAN_ACTOR, role: 'operator' };

/** Takes channels across majors, a step at a time. */
export function createPlans({ state, gate, fleet, observer, tracer, now, log }: PlansOptions): Plans {
  const warn = countWarnings(log);
  /** What each plan was last seen to wait for. */
  const seen = new Map<string, string>();

  async function stateOf(channel: Stored<Channel>, reading: FleetReading): Promise<PlanState> {
    const { plan } = channel;
    if (!plan) return { plan: null, next: null, waiting: null, report: null };
    const next = nextStep(plan);
    return { plan, next: next.text, ...(await waitsFor(channel, next, reading)) };
  }

  /** What a move of the plan to `target` waits for. */
  async function waitsFor(
    channel: Stored<Channel>,
    target: Version,
    reading: FleetReading,
  ): Promise<Pick<PlanState, 'waiting'> & { report: Report }> {
    const report = await gate.assess(channel, target, { reading });
    const { marks } = reading.population(channel, state.snapshot());
    const closed = gate.closed(channel, channel.plan?.critical ?? false);
    return { waiting: waitingFor(channel, report, marks, now(), closed), report };
  }

  async function advanceOne(channel: Stored<Channel>, reading: FleetReading, fence: number): Promise<void> {
    const { releases } = state.snapshot();
    const { accepts, needsHelm, plan } = channel;
    const stops = stopsOf({ accepts, needsHelm, catalogue: releases, strict: false });
    const better = plan && refresh(plan, stops, releases);
    if (better) return commitRoute(channel, better.plan, better.reason, fence);
    const { waiting, report } = await stateOf(channel, reading);
    if (report && isClosed(report)) {
      const other = await findAnotherWay(channel);
      if (other) return commitRoute(channel, other.plan, other.reason, fence);
    }
    const at = now();
    const present = channelAt(channel, at);
    if (!waiting) return move(channel, takeNextStep(present, at), at, fence);
    const fix = fixOfStop(channel, stops, releases);
    if (fix && !(await waitsFor(channel, fix, reading)).waiting)
      return move(channel, takeFix(present, fix, at), at, fence);
    announce(channel.name, waiting);
  }

  async function move(
    before: Stored<Channel>,
    { channel: after, reason }: { channel: Channel; reason: string },
    at: Date,
    fence: number,
  ): Promise<void> {
    announce(before.name, null);
    const key = channelKey(before.name);
    const guards = targetGuards(state.snapshot().releases, after);
    const { cleared } = await gate.clear(before, after, { actor: ACTOR, dryRun: false });
    const change = { key, before, after, action: 'roll-forward', reason, actor: ACTOR, at, fence, guards, cleared };
    const attributes = { 'fairway.channel': before.name, 'fairway.target': after.target ?? undefined };
    await tracer.span('plan step', { attributes }, () => commitDocument(state, change));
    observer.targetChanged(before.name, 'roll-forward');
    log.info({ channel: before.name, target: after.target }, reason);
  }

  /** A way around the next stop, which is not served any more; null where there is none, which the plan then says. */
  async function findAnotherWay(channel: Channel): Promise<{ plan: Plan; reason: string } | null> {
    const { plan } = channel;
    if (!plan) return null;
    const reason = `${nextStep(plan).text} of the plan is not served any more; another way is taken`;
    const onward = await gate.assess(channel, requireVersion(plan.target));
    try {
      const other = reroute(channel, onward);
      return other && { plan: other, reason };
    } catch (error) {
      if (error instanceof FairwayError && error.code === 'refused') return null;
      throw error;
    }
  }

  async function commitRoute(before: Stored<Channel>, plan: Plan, reason: string, fence: number): Promise<void> {
    const at = now();
    const after: Channel = { ...before, plan, ...stamp({ by: ACTOR.name, at, reason }) };
    const key = channelKey(before.name);
    await commitDocument(state, { key, before, after, action: 'reroute-plan', reason, actor: ACTOR, at, fence });
    log.info({ channel: before.name, route: plan.route }, reason);
  }

  const look = async (channel: Stored<Channel>, fence: number) => advanceOne(channel, await fleet.glance(), fence);

  function announce(channel: string, waiting: Waiting | null): void {
    observer.planWaits(channel, waiting?.reason ?? null);
    if (waiting && seen.get(channel) !== waiting.reason) log.info({ channel, ...waiting }, 'a plan waits');
    if (waiting) seen.set(channel, waiting.reason);
    else seen.delete(channel);
  }

  return {
    async state(name) {
      requireChannel(state.snapshot(), name);
      const reading = await fleet.glance();
      return stateOf(requireChannel(state.snapshot(), name), reading);
    },

    async advance(fence) {
      const { channels } = state.snapshot();
      for (const name of seen.keys()) if (!channels.get(name)?.plan) announce(name, null);
      for (const channel of channels.values()) {
        if (!channel.plan) continue;
        await look(channel, fence).catch((error) => {
          // Someone else moved the channel, or another server leads: the next round sees what is now.
          if (error instanceof FairwayError && error.code === 'revision_mismatch') return;
          warn({ err: error, channel: channel.name }, 'a plan could not be looked at; it will be tried again');
        });
      }
    },
  };
}
