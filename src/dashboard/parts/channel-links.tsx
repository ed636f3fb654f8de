import { count } from '../../domain/words.ts';
import { channelPath } from './words.ts';

/** Channels that are named one by one. */
const NAMED = 8;

/** The channels of a list, each with a link; `all` is where the rest of a long list is shown. */
export function ChannelLinks({ names, all, most = NAMED }: { names: readonly string[]; all: string; most?: number }) {
  if (names.length === 0) return <span class="muted">none</span>;
  const rest = names.length - most;
  return (
    <span class="names">
      {names.slice(0, rest > 1 ? most : names.length).map((name, index) => (
        <>
          {index > 0 && ', '}
          <a href={channelPath(name)}>{name}</a>
        </>
      ))}
      {rest > 1 && (
        <>
          {' and '}
          <a href={all}>{count(rest, 'more channel')}</a>
        </>
      )}
    </span>
  );
}
