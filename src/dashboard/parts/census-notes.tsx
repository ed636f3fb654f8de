import type { Child } from 'hono/jsx';
import type { AgentMark } from '../../domain/agent.ts';
import { UNREADABLE } from '../../domain/agent-version.ts';
import { count, number } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import { agentsPath, channelPath, markedPath } from './words.ts';

interface Note {
  agents: number;
  /** What follows the number. */
  words: string;
  /** Where the agents are listed. */
  path?: string;
  counted?: boolean;
}

/** Agents of a census that a person may have to look at. Nothing is shown of what there is none. */
export function CensusNotes({ census }: { census: Census }) {
  const notes = notesOf(census).filter(({ agents }) => agents > 0);
  const { unmappedGroups, uncounted } = census;
  if (notes.length === 0 && unmappedGroups.length === 0 && uncounted.length === 0) return null;
  return (
    <ul class="notes" aria-label="Agents of note">
      {uncounted.length > 0 && (
        <li class="bad">
          The census is incomplete: check-ins of agents at {uncounted.map(lineWords).join(', ')} were too many to be
          counted. See the settings fleet.maxAgents and fleet.maxPending.
        </li>
      )}
      {notes.map(({ agents, words, path, counted = true }) => (
        <li>
          <Figure path={path}>{count(agents, 'agent')}</Figure> {words}
          {!counted && <span class="muted"> (not counted above)</span>}
        </li>
      ))}
      {unmappedGroups.length > 0 && <Unmapped groups={unmappedGroups} />}
    </ul>
  );
}

const lineWords = (line: string): string => (line === UNREADABLE ? 'an unreadable version' : line);

const Figure = ({ path, children }: { path: string | undefined; children?: Child }) =>
  path ? <a href={path}>{children}</a> : <b>{children}</b>;

function notesOf(census: Census): Note[] {
  const { channel, unreadable, contested, reverted, updaterStates, expired, unenrolled, unmanaged } = census;
  const marked = (mark: AgentMark, agents: number, words: string): Note => {
    return { agents, words, path: markedPath(channel, mark) };
  };
  return [
    { agents: unreadable, words: 'with a version that cannot be read', path: agentsPath(channel, UNREADABLE) },
    marked('contested', contested, 'going back and forth between versions'),
    marked('reverted', reverted, 'gone back, though the channel was not rolled back'),
    marked('pinned', updaterStates.pinned, 'pinned on their host'),
    marked('disabled', updaterStates.disabled, 'with an updater that is disabled'),
    marked('unreadable', updaterStates.unreadable, 'with an updater that cannot be read'),
    marked('failing', updaterStates.failing, 'with an updater whose last update failed'),
    { ...marked('expired', expired, 'expired when they were listed'), counted: false },
    {
      ...{ agents: unenrolled, words: 'checking in without an enrolment token', counted: false },
      path: channelPath(channel, '/agents?enrolled=false'),
    },
    { agents: unmanaged, words: 'of the cluster without an updater; no target moves them', counted: false },
  ];
}

/** Groups that are named; the others are summed up. */
const NAMED = 8;

function Unmapped({ groups }: { groups: Census['unmappedGroups'] }) {
  const rest = groups.length - NAMED;
  return (
    <li>
      Groups that are no channel:{' '}
      {groups.slice(0, NAMED).map(({ group, count: agents }, index) => (
        <>
          {index > 0 && ', '}
          <code>{group}</code> {number(agents)}
        </>
      ))}
      {rest > 0 && `, and ${number(rest)} more`}.{' '}
      <span class="muted">The setting groups maps a group to a channel.</span>
    </li>
  );
}
