import { agentFaults } from '../../domain/agent-findings.ts';
import { agentVersion, compareAgentVersions } from '../../domain/agent-version.ts';
import { requireVersion, type Version } from '../../domain/version.ts';
import { count, number } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import { maybeVersion } from './version.tsx';
import { agentsPath, channelPath, planePath } from './words.ts';

/** Does the target strand the agents of a version? */
export function isStranded(version: string, target: string | null): boolean {
  if (target === null) return false;
  const to = requireVersion(target);
  return agentFaults(version, to, to).length > 0;
}

/** The agents of a major that is too old for the target; `-0` is below every pre-release of the major after it. */
function tooOldPath(channel: string, target: Version): string {
  return channelPath(channel, `/agents?olderThan=${target.major - 1}.0.0-0`);
}

/** Where the stranded agents are listed; null if they have no id. */
function strandedPath({ channel, target, versions }: Census): string | null {
  if (target === null) return null;
  const stranded = versions.filter(({ version }) => isStranded(version, target));
  const [first] = stranded;
  if (!first) return null;
  const to = requireVersion(target);
  const tooOld = stranded.every(({ version }) => (agentVersion(version)?.major ?? 0) < to.major - 1);
  return tooOld ? tooOldPath(channel, to) : agentsPath(channel, first.version);
}

/** The mark of a target that strands agents. */
export function StrandMark({ census }: { census: Census }) {
  if (census.stranded === 0) return null;
  const words = `strands ${count(census.stranded, 'agent')}`;
  const path = strandedPath(census);
  return path ? (
    <a class="mark bad" href={path}>
      {words}
    </a>
  ) : (
    <span class="mark bad">{words}</span>
  );
}

/** The mark of a channel whose control plane refuses agents where it runs now. */
export const CutOffMark = ({ census: { cutOff } }: { census: Census }) =>
  cutOff === 0 ? null : <span class="mark bad">{count(cutOff, 'agent')} cut off</span>;

/** How many agents the control plane cuts off, and what to do. */
export function CutOffDetail({ census, plane }: { census: Census | null; plane: string | null }) {
  if (!census || census.cutOff === 0 || plane === null) return null;
  return (
    <p class="mark-detail bad">
      <b>
        Control plane <a href={planePath(plane)}>{plane}</a> cuts off {count(census.cutOff, 'agent')}
      </b>
      : it accepts only its own major and the one before. Updaters still reach Fairway: roll the channel forward, or
      take the control plane back.
    </p>
  );
}

/** Versions that are named one by one. */
const NAMED = 4;

/** How many agents the target strands, and which. */
export function StrandDetail({ census }: { census: Census | null }) {
  if (!census || census.stranded === 0 || census.target === null) return null;
  const { channel, target, stranded, versions } = census;
  const those = versions
    .filter(({ version }) => isStranded(version, target))
    .sort((a, b) => compareAgentVersions(a.version, b.version));
  const rest = those.length - NAMED;
  const path = strandedPath(census);
  return (
    <p class="mark-detail bad">
      <b>
        {maybeVersion(target)} strands {count(stranded, 'agent')}
      </b>
      {those.length === 0 && ': recently served versions that may still be in use'}
      {those.slice(0, NAMED).map(({ version, count: amount }, index) => (
        <>
          {index === 0 ? ': ' : ', '}
          <a href={agentsPath(channel, version)}>
            {number(amount)} at {maybeVersion(version, true)}
          </a>
        </>
      ))}
      {rest > 0 && ` and ${count(rest, 'more version')}`}. They cannot go there in one step.{' '}
      {path && <a href={path}>See these agents</a>}
    </p>
  );
}
