import { Version } from './version.tsx';
import { channelPath, releasePath } from './words.ts';

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

/** The way back from a page about a release. */
export const ReleaseCrumbs = ({ version }: { version?: string }) => (
  <p class="crumbs">
    <a href="/releases">Releases</a>
    {version !== undefined && (
      <>
        {' / '}
        <a href={releasePath(version)}>
          <Version version={version} linked />
        </a>
      </>
    )}
  </p>
);
