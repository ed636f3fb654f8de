import { number } from '../../domain/words.ts';
import type { GroupView } from '../../service/rollouts.ts';
import { SHARE_WORDS, type ShareOf, sharesOfGroup } from '../rollout-shares.ts';
import { BarParts } from './bar.tsx';

/** The agents of a group as a bar, with a line at the end of each wave. */
export function GroupBar({ group }: { group: GroupView }) {
  const shares = sharesOfGroup(group);
  const label = shares.map(({ share, count }) => `${number(count)} ${SHARE_WORDS[share]}`).join(', ');
  return (
    <svg
      class="bar group"
      role="img"
      aria-label={`${group.name}: ${label || 'no agents known'}`}
      width="100%"
      height="14"
    >
      <BarParts parts={shares.map(({ share, count }) => ({ name: share, count }))} />
      {group.waves.slice(0, -1).map((wave) => (
        <line class={wave <= group.wave ? 'wave open' : 'wave'} x1={`${wave}%`} x2={`${wave}%`} y1="0" y2="100%" />
      ))}
    </svg>
  );
}

/** The numbers of a group's bar. An agent may be in two of them. */
export function GroupLegend({ group }: { group: GroupView }) {
  const { agents, told, atTarget, reverted, failed, vanished, pinned, anonymous } = group;
  if (agents === 0) return <p class="muted">no agents known yet</p>;
  const notYet = Math.max(agents - told, 0);
  const rows: [ShareOf | null, number, string][] = [
    ['told', told, 'told'],
    ['atTarget', atTarget, SHARE_WORDS.atTarget],
    ['reverted', reverted, SHARE_WORDS.reverted],
    ['vanished', vanished, SHARE_WORDS.vanished],
    ['failed', failed, SHARE_WORDS.failed],
    ['notYet', notYet, SHARE_WORDS.notYet],
    [null, pinned, 'pinned on their host'],
    [null, anonymous, 'without an id, so they go last'],
  ];
  return (
    <ul class="legend">
      {rows
        .filter(([share, amount]) => amount > 0 || share === 'told' || share === 'atTarget')
        .map(([share, amount, words]) => (
          <li>
            {share && <ShareSwatch share={share} />} <b>{number(amount)}</b> {words}
          </li>
        ))}
    </ul>
  );
}

const ShareSwatch = ({ share }: { share: ShareOf }) => (
  <svg class="swatch" aria-hidden="true" width="9" height="9">
    <rect class={`bar-${share}`} width="9" height="9" rx="2" />
  </svg>
);
