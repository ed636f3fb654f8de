import { type Actor, may } from '../../domain/role.ts';
import type { ScheduledChange } from '../../domain/schedule.ts';
import { clock, who } from '../../domain/words.ts';
import { Table } from './table.tsx';
import { maybeVersion } from './version.tsx';
import { channelPath, spaced } from './words.ts';

interface ScheduledTableProps {
  changes: readonly (ScheduledChange & { channel: string })[];
  actor: Actor;
}

/** Changes to come, and those that were not carried out, each with the way to take it off. */
export function ScheduledTable({ changes, actor }: ScheduledTableProps) {
  if (changes.length === 0) return <p class="muted empty">Nothing is scheduled. A verb's form takes a time.</p>;
  const mayCancel = may(actor, 'cancel-scheduled');
  return (
    <Table label="Scheduled changes" columns={['At', 'Channel', 'Change', 'Scheduled by', 'Reason', 'State', '']}>
      {changes.map(({ id, at, channel, verb, input, by, reason, undone }) => (
        <tr>
          <td class="nowrap">{clock(at)}</td>
          <td>
            <a href={channelPath(channel)}>{channel}</a>
          </td>
          <td>
            {spaced(verb)} {input.version && maybeVersion(input.version)}
          </td>
          <td>{who(by)}</td>
          <td>{reason}</td>
          <td>{undone ? `${undone.state}: ${undone.reason}` : 'waits'}</td>
          <td>{mayCancel && <a href={`/scheduled/${id}/cancel`}>{undone ? 'Acknowledge' : 'Cancel'}</a>}</td>
        </tr>
      ))}
    </Table>
  );
}
