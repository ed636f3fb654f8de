import type { Agent, Sighting, SightingSource } from '../domain/agent.ts';
import { criticalAnswer, versionAnswer } from '../domain/answer.ts';
import { type Channel, channelAt, type Plan } from '../domain/channel.ts';
import { nextStep } from '../domain/plan.ts';
import { hopFaults } from '../domain/release-line.ts';
import type { Stored } from '../domain/snapshot.ts';
import { compareVersions, requireVersion } from '../domain/version.ts';

/** An agent with what its newest sighting says up front. */
export interface AgentView extends Omit<Sighting, 'at'> {
  lastSeen: string;
  sources: (Omit<Sighting, 'id' | 'at'> & { source: SightingSource; at: string })[];
}

/** What an agent is told, and why. */
export interface Explanation {
  agent: AgentView;
  channel: string;
  /** The bodies that its next polls get; null where its channel is gone and it gets a 404. */
  told: { version: string; critical: 'yes' | 'no' } | null;
  target: string | null;
  critical: Channel['critical'];
  pin: Channel['pin'];
  /** The plan that the channel follows, and what its next step means to the agent. */
  plan: (Plan & { next: string; strandsAgent: boolean }) | null;
  revision: number | null;
  /** The same in one sentence. */
  because: string;
}

export function viewAgent({ id, sightings }: Agent): AgentView {
  const [newest] = sightings;
  if (!newest) throw new Error(`agent ${id} has no sighting`);
  const { source: _, at, ...latest } = newest;
  return {
    ...latest,
    lastSeen: new Date(at).toISOString(),
    sources: sightings.map(({ id: _, at, ...sighting }) => ({ ...sighting, at: new Date(at).toISOString() })),
  };
}

const GONE = { told: null, target: null, critical: null, pin: null, plan: null, revision: null };

/** `stored` is the agent's channel, unless that is gone. */
export function explainAgent(agent: AgentView, stored: Stored<Channel> | undefined, at: Date): Explanation {
  if (!stored) {
    const because = `channel ${agent.channel} does not exist any more, so the agent is answered 404 and stays where it is`;
    return { agent, channel: agent.channel, ...GONE, because };
  }
  const channel = channelAt(stored, at);
  const { name, target, critical, pin } = channel;
  const plan = explainPlan(agent, channel);
  return {
    agent,
    channel: name,
    told: { version: versionAnswer(channel), critical: criticalAnswer(channel) },
    target,
    critical,
    pin,
    plan,
    revision: stored.revision,
    because: because(agent, channel, plan),
  };
}

function explainPlan(agent: AgentView, { plan }: Channel): Explanation['plan'] {
  if (!plan) return null;
  const next = nextStep(plan);
  return { ...plan, next: next.text, strandsAgent: hopFaults(requireVersion(agent.version), next).length > 0 };
}

function because(agent: AgentView, channel: Channel, plan: Explanation['plan']): string {
  const { name, target, critical, pin, updatedBy, updatedAt } = channel;
  const enrolled = agent.enrolled ? '' : '; it brought no enrolment token, so it counts for nothing in the gate';
  if (target === null) {
    return `${name} was withdrawn by ${updatedBy} at ${updatedAt}, so the agent stays at ${agent.version}${enrolled}`;
  }
  const order = compareVersions(agent.version, target);
  const move =
    order === 0
      ? 'is at the target'
      : order < 0
        ? `is behind and moves up to ${target}`
        : `is ahead and moves back to ${target}`;
  const pinned = pin ? `; the target is pinned by ${pin.by}: ${pin.reason}` : '';
  const urgent = critical
    ? `; it is critical, so agents need not wait for their maintenance window: ${critical.reason}`
    : '';
  const onward = plan
    ? `; the plan to ${plan.target} goes on to ${plan.next}, which ${plan.strandsAgent ? 'waits for this agent, whom it would strand' : 'this agent can follow'}`
    : '';
  return `the agent follows ${name} and ${move}${pinned}${urgent}${onward}${enrolled}`;
}
