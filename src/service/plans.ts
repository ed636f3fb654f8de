import type { Logger } from 'pino';
import { type Channel, channelAt, type Plan, stamp } from '../domain/channel.ts';
import type { Report } from '../domain/compatibility.ts';
import { FairwayError } from '../domain/errors.ts';
import { isClosed, nextStep, PLAN_ACTOR, reroute, takeNextStep, type Waiting, waitingFor } from '../domain/plan.ts';
import type { Actor } from '../domain/role.ts';
import { channelKey, requireChannel, type Stored } from '../domain/snapshot.ts';
import type { Tracer } from '../domain/tracer.ts';
import { requireVersion } from '../domain/version.ts';
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
    const report = await gate.assess(channel, next, { reading });
    const { marks } = reading.population(channel, state.snapshot());
    const waiting = waitingFor(channel, report, marks, now(), gate.closed(channel, plan.critical));
    return { plan, next: next.text, waiting, report };
  }

  async function advanceOne(channel: Stored<Channel>, reading: FleetReading, fence: number): Promise<void> {
    const { waiting, report } = await stateOf(channel, reading);
    if (report && isClosed(report) && (await findAnotherWay(channel, fence))) return;
    announce(channel.name, waiting);
    if (waiting) return;
    const at = now();
    const { channel: after, reason } = takeNextStep(channelAt(channel, at), at);
    const key = channelKey(channel.name);
    const before = channel;
    const guards = targetGuards(state.snapshot().releases, after);
    const { cleared } = await gate.clear(before, after, { actor: ACTOR, dryRun: false });
    const change = { key, before, after, action: 'roll-forward', reason, actor: ACTOR, at, fence, guards, cleared };
    const attributes = { 'fairway.channel': channel.name, 'fairway.target': after.target ?? undefined };
    await tracer.span('plan step', { attributes }, () => commitDocument(state, change));
    observer.targetChanged(channel.name, 'roll-forward');
    log.info({ channel: channel.name, target: after.target }, reason);
  }

  /**
   * Leads the plan around a stop that was pulled. Returns false where there is no other way, which the plan then says.
   */
  async function findAnotherWay(before: Stored<Channel>, fence: number): Promise<boolean> {
    const at = now();
    const reason = `${before.plan ? nextStep(before.plan).text : 'the next stop'} of the plan is not served any more; another way is taken`;
    const plan = reroute(before, await gate.assess(before, requireVersion(before.plan?.target ?? '')));
    if (!plan) return false;
    const after: Channel = { ...before, plan, ...stamp({ by: ACTOR.name, at, reason }) };
    const key = channelKey(before.name);
    await commitDocument(state, { key, before, after, action: 'reroute-plan', reason, actor: ACTOR, at, fence });
    log.info({ channel: before.name, route: plan.route }, reason);
    return true;
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
