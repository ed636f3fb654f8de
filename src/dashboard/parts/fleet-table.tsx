import type { AuditEntry } from '../../domain/audit.ts';
import type { Channel } from '../../domain/channel.ts';
import type { ControlPlane } from '../../domain/control-plane.ts';
import { shortVersion } from '../../domain/short-version.ts';
import type { Stored } from '../../domain/snapshot.ts';
import { count, number, who } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import { Bar, sharesOf } from './bar.tsx';
import { freshness } from './evidence-words.ts';
import { Moment } from './moment.tsx';
import { PlaneVersion } from './plane.tsx';
import { Marks, Target } from './state.tsx';
import { Table } from './table.tsx';
import { Version } from './version.tsx';
import { actionWords, channelPath, percent } from './words.ts';

export interface FleetRow {
  channel: Stored<Channel>;
  /** What the channel's control plane runs, if it is known. */
  controlPlane: ControlPlane | undefined;
  /** Null while the store is away. */
  census: Census | null;
  latest: AuditEntry | undefined;
}

/** The channels, a row each. */
export const FleetTable = ({ rows, now }: { rows: FleetRow[]; now: Date }) => (
  <Table
    label="Channels"
    class="fleet"
    columns={[
      'Channel',
      'Target',
      'Agents',
      { number: 'At target' },
      'Oldest',
      'Evidence',
      'Control plane',
      'Last change',
    ]}
  >
    {rows.map((row) => (
      <Row {...row} now={now} />
    ))}
  </Table>
);

function Row({ channel, controlPlane, census, latest, now }: FleetRow & { now: Date }) {
  const evidence = census && freshness(census);
  return (
    <tr id={`channel-${channel.name}`}>
      <th scope="row" class="name">
        <a href={channelPath(channel.name)}>{channel.name}</a> <Marks channel={channel} census={census} />
      </th>
      <td class="served">
        <Target target={channel.target} />
      </td>
      <td class="agents">
        <span class="count">{census ? number(census.agents) : <span class="muted">unknown</span>}</span>
        <Bar shares={census ? sharesOf(census) : []} />
      </td>
      <td class="num share">{census?.distance ? percent(census.distance.atTarget, census.agents) : '–'}</td>
      <td class="oldest">
        {census?.oldest ? (
          <>
            <Version version={census.oldest.version} />{' '}
            <small class="muted nowrap">{count(census.oldest.count, 'agent')}</small>
          </>
        ) : (
          '–'
        )}
      </td>
      <td class="basis">
        {evidence?.basis ?? '–'} <small class="muted nowrap">{evidence?.age}</small>
      </td>
      <td class="plane">
        {channel.controlPlane ? (
          <Plane name={channel.controlPlane} plane={controlPlane} />
        ) : (
          <span class="muted">none</span>
        )}
      </td>
      <td class="latest">
        <LastChange {...{ channel, latest, now }} />
      </td>
    </tr>
  );
}

/** A cloud version has no room here; the page of the control plane shows it. */
function Plane({ name, plane }: { name: string; plane: ControlPlane | undefined }) {
  const isLong = plane && shortVersion(plane.version) !== null;
  return (
    <>
      <a class="ellipsis" href={`/control-planes/${encodeURIComponent(name)}`} title={plane && `runs ${plane.version}`}>
        {name}
      </a>
      {!isLong && (
        <small>
          <PlaneVersion plane={plane} />
        </small>
      )}
    </>
  );
}

function LastChange({ channel, latest, now }: Pick<FleetRow, 'channel' | 'latest'> & { now: Date }) {
  const { at, actor, action, reason } = latest
    ? { ...latest, action: actionWords(latest) }
    : { at: channel.updatedAt, actor: channel.updatedBy, action: 'changed', reason: '' };
  return (
    <p class="clamp">
      {action} by {who(actor)} <Moment at={at} now={now} />
      {reason && <>: {reason}</>}
    </p>
  );
}
