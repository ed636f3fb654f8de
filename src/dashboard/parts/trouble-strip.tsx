import { UNREADABLE } from '../../domain/agent-version.ts';
import { groupTroubles, type Trouble, type TroubleGroup } from '../../domain/status.ts';
import { evidencePath } from './evidence.tsx';
import { agentsPath, channelPath, markedPath, releasePath } from './words.ts';

/** What is wrong, each a link to where it is; what was set on purpose comes last. */
export function TroubleStrip({ troubles }: { troubles: readonly Trouble[] }) {
  // The banner above says what is wrong with the store.
  const groups = groupTroubles(troubles).filter(({ kind }) => kind !== 'store');
  if (groups.length === 0) return null;
  return (
    <nav class="troubles" aria-label="What is wrong">
      {groups.map((group) => (
        <a class={`trouble ${group.severity}`} href={pathOf(group)} title={detailsOf(group)}>
          {group.headline}
        </a>
      ))}
    </nav>
  );
}

const detailsOf = ({ troubles }: TroubleGroup): string | undefined =>
  troubles.length === 1 ? troubles[0]?.detail : undefined;

function pathOf({ kind, troubles }: TroubleGroup): string {
  const [first] = troubles;
  if (kind === 'frozen') return '/freezes';
  if (first?.release) return troubles.length === 1 ? releasePath(first.release) : '/releases';
  return troubles.length === 1 && first?.channel ? placeOf(kind, first.channel) : `/?show=${kind}`;
}

/** Where a channel shows a trouble. */
function placeOf(kind: Trouble['kind'], channel: string): string {
  switch (kind) {
    case 'contested':
    case 'reverted':
      return markedPath(channel, kind);
    case 'unreadable':
      return agentsPath(channel, UNREADABLE);
    case 'evidence_failing':
    case 'evidence_old':
    case 'evidence_settling':
    case 'census_incomplete':
      return evidencePath(channel);
    default:
      return channelPath(channel);
  }
}
