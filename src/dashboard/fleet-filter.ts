import type { Channel } from '../domain/channel.ts';
import { byName } from '../domain/natural-order.ts';
import { byTrouble, TROUBLES, type Trouble, type TroubleKind } from '../domain/status.ts';
import type { Census } from '../service/census-view.ts';

/** What a list of channels shows; the address keeps it. */
export interface FleetFilter {
  /** Part of a name, a target, a control plane or a description. */
  q: string;
  /** One kind of trouble, `trouble` for any that a person must look at, or everything. */
  show: TroubleKind | 'trouble' | '';
  sort: (typeof SORTS)[number];
}

export const SORTS = ['trouble', 'name', 'agents'] as const;

/** Reads the query of an address; what it does not know, it ignores. */
export function readFilter(query: Record<string, string>): FleetFilter {
  const { q = '', show = '', sort = '' } = query;
  return {
    q: q.trim().slice(0, 200),
    show: show === 'trouble' ? show : (TROUBLES.find((kind) => kind === show) ?? ''),
    sort: SORTS.find((each) => each === sort) ?? 'trouble',
  };
}

export const isFiltered = ({ q, show }: FleetFilter): boolean => q !== '' || show !== '';

/** The parameters of an address that keeps the filter. */
export const filterQuery = ({ q, show, sort }: FleetFilter): Record<string, string> => ({
  ...(q === '' ? {} : { q }),
  ...(show === '' ? {} : { show }),
  ...(sort === 'trouble' ? {} : { sort }),
});

/** The channels that the filter lets through, in its order. */
export function filterChannels<C extends Channel>(
  channels: readonly C[],
  { q, show, sort }: FleetFilter,
  troubles: readonly Trouble[],
  censuses: ReadonlyMap<string, Census> | null,
): C[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const asked = troubles.filter(({ kind, severity }) => (show === 'trouble' ? severity !== 'note' : kind === show));
  const fitting = new Set(asked.map(({ channel }) => channel));
  const kept = channels.filter((channel) => {
    const { name, target, controlPlane, description } = channel;
    const text = `${name} ${target ?? 'none'} ${controlPlane ?? ''} ${description}`.toLowerCase();
    return words.every((word) => text.includes(word)) && (show === '' || fitting.has(name));
  });
  return kept.sort(orderOf(sort, troubles, censuses));
}

type Order = (a: Channel, b: Channel) => number;

function orderOf(
  sort: FleetFilter['sort'],
  troubles: readonly Trouble[],
  censuses: ReadonlyMap<string, Census> | null,
): Order {
  if (sort === 'name') return byName;
  if (sort === 'trouble') return byTrouble(troubles);
  const agents = ({ name }: Channel) => censuses?.get(name)?.agents ?? 0;
  return (a, b) => agents(b) - agents(a) || byName(a, b);
}
