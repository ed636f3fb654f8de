import { beforeEach, describe, expect, it } from 'vitest';
import { toolsVersionOf } from '../../src/domain/tools.ts';
import type { Services } from '../../src/services.ts';
import { openServices } from '../support/services.ts';

const REQUEST = { actor: { name: 'token:ann', role: 'admin' }, ifMatch: null, dryRun: false } as const;
const CHANNEL = 'stable/cloud';
const REASON = { reason: 'test' };

let services: Services;

async function register(version: string): Promise<void> {
  const artifacts = { controlPlane: 'published', packages: 'published' } as const;
  await services.releases.register(
    { version, commit: 'f00dfacade', cutAt: '2024-11-12T10:15:30Z', artifacts },
    REQUEST,
  );
}

beforeEach(async () => {
  services = await openServices();
  await register('16.4.6');
  await services.channels.put(CHANNEL, { target: '16.4.6' }, REQUEST);
});

describe('a pull', () => {
  it.each<[string, (version: string) => Promise<unknown>]>([
    ['a roll-forward', (version) => services.channels.act(CHANNEL, 'roll-forward', { version, ...REASON }, REQUEST)],
    ['a setting of the client tools', (version) => services.channels.put(CHANNEL, { toolsVersion: version }, REQUEST)],
  ])('never loses a race against %s', async (_, move) => {
    for (let round = 1; round <= 40; round++) {
      const version = `16.5.${round}`;
      await register(version);
      const pull = () => services.recall.pull(version, REASON, REQUEST);
      // The move is refused or undone; the pull always succeeds. Each of them begins first in half of the rounds.
      const [moving, pulling] = round % 2 === 0 ? [move(version), pull()] : [pull(), move(version)].toReversed();
      const [, pulled] = await Promise.allSettled([moving, pulling]);
      expect(pulled?.status).toBe('fulfilled');
      const channel = services.channels.read(CHANNEL);
      expect(channel).toMatchObject({ target: '16.4.6', toolsVersion: null });
      expect(toolsVersionOf(channel, services.state.snapshot().releases)).toBe('16.4.6');
    }
  });
});
