import { channelPath } from './words.ts';

/** The way back from a page about a channel. */
export const Crumbs = ({ channel }: { channel?: string }) => (
  <p class="crumbs">
    <a href="/">Fleet</a>
    {channel !== undefined && (
      <>
        {' / '}
        <a href={channelPath(channel)}>{channel}</a>
      </>
    )}
  </p>
);
