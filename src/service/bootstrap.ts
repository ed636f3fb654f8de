import type { Logger } from 'pino';
import type { ChannelSettings } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import type { Actor } from '../domain/role.ts';
import { repeat } from '../process/repeat.ts';
import type { Channels } from './channels.ts';
import type { ControlPlanes } from './control-planes.ts';
import type { ListedRelease, Releases } from './releases.ts';
import type { State } from './state.ts';

export interface BootstrapOptions {
  history: ListedRelease[];
  /** Versions by control plane. */
  controlPlanes: Readonly<Record<string, string>>;
  channels: readonly (Partial<ChannelSettings> & { name: string; target?: string | undefined })[];
  state: Pick<State, 'storeState' | 'snapshot'>;
  services: {
    channels: Pick<Channels, 'put'>;
    controlPlanes: Pick<ControlPlanes, 'report'>;
    releases: Pick<Releases, 'import'>;
  };
  log: Logger;
}

const ACTOR: Actor = { name: 'system:bootstrap', role: 'admin' };
const REQUEST = { actor: ACTOR, ifMatch: 0, dryRun: false };
const TRY_AGAIN_MS = 1_000;

/**
 * Creates what the settings name and the store lacks; what exists is left alone. While the store is away it tries again
 * every second, until `stop`. Rejects if the settings ask for something that the gate refuses.
 */
export async function bootstrap(options: BootstrapOptions): Promise<{ stop(): void }> {
  if (await createAll(options)) return { stop() {} };
  const attempts = repeat('bootstrap', TRY_AGAIN_MS, options.log, async () => {
    if (await createAll(options)) attempts.stop();
  });
  return attempts;
}

/** Returns whether everything exists now; false if the store is away. */
async function createAll(options: BootstrapOptions): Promise<boolean> {
  if (options.state.storeState().is !== 'up') return false;
  try {
    await createMissing(options);
    return true;
  } catch (err) {
    if (!(err instanceof FairwayError && err.code === 'store_unavailable')) throw err;
    options.log.warn({ err }, 'could not create everything that the settings name; it will be tried again');
    return false;
  }
}

async function createMissing({
  history,
  controlPlanes,
  channels,
  state,
  services,
  log,
}: BootstrapOptions): Promise<void> {
  if (history.length > 0) await unlessExists(services.releases.import(history, ACTOR));
  for (const [name, version] of Object.entries(controlPlanes)) {
    if (!state.snapshot().controlPlanes.has(name))
      await unlessExists(services.controlPlanes.report(name, version, REQUEST));
  }
  for (const { name, ...channel } of channels) {
    if (state.snapshot().channels.has(name)) continue;
    await unlessExists(services.channels.put(name, { ...channel, reason: 'named in the settings' }, REQUEST));
    log.info({ channel: name, target: channel.target }, 'created a channel that the settings name');
  }
}

/** Another server that starts at the same time may have created it first. */
async function unlessExists(creating: Promise<unknown>): Promise<void> {
  try {
    await creating;
  } catch (error) {
    const exists =
      error instanceof FairwayError && (error.code === 'already_exists' || error.code === 'revision_mismatch');
    if (!exists) throw error;
  }
}
