import { TENANT_STATES, type TenantState } from '../../domain/tenant.ts';
import { who } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import type { ControlPlaneView } from '../../service/control-planes.ts';
import { ChannelLinks } from './channel-links.tsx';
import { Choice, Field } from './form.tsx';
import { Moment } from './moment.tsx';
import { PlaneVersion } from './plane.tsx';
import { Table } from './table.tsx';
import { Version } from './version.tsx';
import { channelPath, planePath, releasePath } from './words.ts';

/** Where all channels of a control plane are listed. */
export const followersPath = (name: string) => `/?q=${encodeURIComponent(name)}`;

const FILTERS = ['class', 'wanted', 'behind', 'state'] as const;
/** What of the control planes is shown, as the API names it; what is left out shows all. */
export type PlaneFilter = Partial<Record<(typeof FILTERS)[number], string>>;

/** Reads the query of an address; empty fields are left out. */
export const readPlaneFilter = (query: Record<string, string>): PlaneFilter =>
  Object.fromEntries(FILTERS.flatMap((name) => (query[name]?.trim() ? [[name, query[name].trim()]] : [])));

const STATE_WORDS: Record<TenantState, string> = {
  unwanted: 'nothing is wanted',
  running: 'runs it',
  told: 'behind',
  failing: 'failing',
};

export const PlaneFilterForm = ({ filter }: { filter: PlaneFilter }) => (
  <form method="get" action="/control-planes" class="inline filter">
    <Field label="Class" name="class" value={filter.class} maxlength={64} />
    <Field label="Wanted version" name="wanted" value={filter.wanted} maxlength={100} />
    <Choice
      label="Behind"
      name="behind"
      value={filter.behind ?? ''}
      options={[
        ['', 'all'],
        ['true', 'behind'],
        ['false', 'not behind'],
      ]}
    />
    <Choice
      label="State"
      name="state"
      value={filter.state ?? ''}
      options={[['', 'all'], ...TENANT_STATES.map((state): [string, string] => [state, STATE_WORDS[state]])]}
    />
    <button type="submit">Filter control planes</button>
    {Object.keys(filter).length > 0 && (
      <a class="button quiet" href="/control-planes">
        Show all
      </a>
    )}
  </form>
);

/** The channels of whose agents some are cut off by their control plane; none while the store is away. */
export function channelsCutOff(censuses: readonly Census[] | null): ReadonlySet<string> {
  return new Set((censuses ?? []).filter(({ cutOff }) => cutOff > 0).map(({ channel }) => channel));
}

export interface PlaneTableProps {
  planes: ControlPlaneView[];
  /** The names of the channels whose agents connect to a control plane. */
  channelsOf: (plane: string) => string[];
  /** Channels of which agents are cut off. */
  cutOff: ReadonlySet<string>;
  now: Date;
}

/** Control planes, a row each. */
export const PlaneTable = ({ planes, channelsOf, cutOff, now }: PlaneTableProps) => (
  <Table
    label="Control planes"
    class="planes"
    columns={['Name', 'Class', 'Runs', 'Wanted', 'State', 'Channels', 'Reported']}
  >
    {planes.map((plane) => {
      const channels = channelsOf(plane.name);
      return (
        <tr>
          <th scope="row" class="name">
            <a href={planePath(plane.name)}>{plane.name}</a>
          </th>
          <td data-label="class">
            <PlaneClass plane={plane} />
          </td>
          <td data-label="runs">
            <PlaneVersion plane={plane} /> <FailingSource plane={plane} now={now} />
          </td>
          <td class="wish" data-label="should run">
            <PlaneWish plane={plane} now={now} />
          </td>
          <td>
            <PlaneStanding plane={plane} cutOff={channels.filter((name) => cutOff.has(name))} />
          </td>
          <td class="channels">
            <ChannelLinks names={channels} all={followersPath(plane.name)} most={2} />
          </td>
          <td data-label="reported">
            <Moment at={plane.updatedAt} now={now} /> <span class="muted">by {who(plane.updatedBy)}</span>
          </td>
        </tr>
      );
    })}
  </Table>
);

/** The class of tenants that a control plane belongs to, and its labels. */
export const PlaneClass = ({ plane: { class: its, labels } }: { plane: ControlPlaneView }) => (
  <>
    {its === null ? (
      <span class="muted">none</span>
    ) : (
      <a href={`/control-planes?${new URLSearchParams({ class: its })}`}>{its}</a>
    )}{' '}
    {Object.entries(labels).map(([name, value]) => (
      <span class="mark still">{value === '' ? name : `${name}=${value}`}</span>
    ))}
  </>
);

/** What a control plane should run, by which stage and since when. */
export function PlaneWish({ plane: { wanted }, now }: { plane: ControlPlaneView; now: Date }) {
  if (!wanted) return <span class="muted">nothing</span>;
  return (
    <>
      <a href={releasePath(wanted.version)}>
        <Version version={wanted.version} linked />
      </a>{' '}
      <small class="muted">
        by stage {wanted.stage} <Moment at={wanted.since} now={now} />
      </small>
    </>
  );
}

/** How a control plane stands to what it should run, and to its agents. */
export function PlaneStanding({ plane, cutOff }: { plane: ControlPlaneView; cutOff: readonly string[] }) {
  const { state, waits } = plane;
  const [first] = cutOff;
  return (
    <>
      {state === 'told' && <span class="mark warn">behind</span>}
      {state === 'failing' && <span class="mark bad">failing</span>}
      {state === 'running' && <span class="muted">up to date</span>}{' '}
      {waits && (
        <span class="muted">
          waits for its turn in stage {waits.stage}: <Version version={waits.version} />
        </span>
      )}{' '}
      {first !== undefined && (
        <a class="mark bad" href={cutOff.length === 1 ? channelPath(first) : '/?show=cut_off'}>
          cuts off agents
        </a>
      )}
    </>
  );
}

export const FailingSource = ({ plane: { failing }, now }: { plane: ControlPlaneView; now: Date }) =>
  failing && (
    <span class="mark bad" title={failing.fault}>
      its source fails since <Moment at={failing.since} now={now} />: {failing.fault}
    </span>
  );
