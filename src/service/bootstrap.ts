import type { Logger } from 'pino';
import type { ChannelSettings } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import type { Actor } from '../domain/role.ts';
import type { Channels } from './channels.ts';
import type { ControlPlanes } from './control-planes.ts';
import type { ListedRelease, Releases } from './releases.ts';
import type { State } from './state.ts';

export interface BootstrapOptions {
  history: ListedRelease[];
  /** Versions by name. */
  controlPlanes: Readonly<Record<string, string>>;
  channels: readonly (Partial<ChannelSettings> & { name: string; target?: string | undefined })[];
  state: State;
  services: { channels: Channels; controlPlanes: ControlPlanes; releases: Releases };
  log: Logger;
}

const ACTOR: Actor = { name: 'system:bootstrap', role: 'admin' };
const REQUEST = { actor: ACTOR, ifMatch: 0, dryRun: false };

/**
 * Makes what the settings name and the store lacks; what exists is left alone. Answers `again` while the store is away.
 * Throws where the settings ask for what an operator would be refused.
 */
export async function bootstrap(options: BootstrapOptions): Promise<'done' | 'again'> {
  if (!options.state.storeUp()) return 'again';
  try {
    await makeMissing(options);
    return 'done';
  } catch (err) {
    if (!(err instanceof FairwayError && err.code === 'store_unavailable')) throw err;
    options.log.warn({ err }, 'what the settings name is not made yet; it will be tried again');
    return 'again';
  }
}

async function makeMissing({
  history,
  controlPlanes,
  channels,
  state,
  services,
  log,
}: BootstrapOptions): Promise<void> {
  if (history.length > 0) await unlessMade(services.releases.import(history, ACTOR));
  for (const [name, version] of Object.entries(controlPlanes)) {
    if (!state.snapshot().controlPlanes.has(name))
      await unlessMade(services.controlPlanes.report(name, version, REQUEST));
  }
  for (const { name, ...channel } of channels) {
    if (state.snapshot().channels.has(name)) continue;
    await unlessMade(services.channels.put(name, { ...channel, reason: 'named in the settings' }, REQUEST));
    log.info({ channel: name, target: channel.target }, 'made a channel that the settings name');
  }
}

/** Another server that starts at the same time may have been first. */
async function unlessMade(making: Promise<unknown>): Promise<void> {
  try {
    await making;
  } catch (error) {
    const made =
      error instanceof FairwayError && (error.code === 'already_exists' || error.code === 'revision_mismatch');
    if (!made) throw error;
  }
}
