import { expect, it } from 'vitest';
import type { Agent } from '../../src/domain/agent.ts';
import { createChannel, DEFAULT_SETTINGS, setCritical } from '../../src/domain/channel.ts';
import { channelKey, takeSnapshot } from '../../src/domain/snapshot.ts';
import { requireVersion } from '../../src/domain/version.ts';
import { explainAgent } from '../../src/service/explain.ts';

const AT = new Date('2026-11-27T12:00:00Z');
const ACT = { by: 'test', at: AT, reason: 'a fix' };

const channel = createChannel('edge', { ...DEFAULT_SETTINGS, versionPrefix: 'v' }, requireVersion('16.4.7'), ACT);
const snapshot = takeSnapshot({
  revision: 1,
  hash: null,
  documents: [{ key: channelKey('edge'), revision: 1, value: setCritical(channel, true, null, ACT) }],
});
const agent = {
  id: 'agent-1',
  sightings: [
    {
      ...{ source: 'check-ins', id: 'agent-1', channel: 'edge', version: '16.4.6', at: AT.getTime(), enrolled: true },
      ...{ updater: null, updaterVersion: null, group: null, proven: true, updaterState: null, host: null },
      ...{ listing: null, expired: false, updateId: null },
    },
  ],
  past: { contested: null, reverted: null, elsewhere: [] },
} as unknown as Agent;

it('says that an agent gets no version while the state is too old to move agents by', () => {
  expect(explainAgent(agent, snapshot, AT)).toMatchObject({ told: { version: 'v16.4.7', critical: 'yes' } });
  const withheld = explainAgent(agent, snapshot, AT, {}, new Map(), true);
  expect(withheld.told).toEqual({ version: 'none', critical: 'no' });
  expect(withheld.target).toBe('16.4.7');
  expect(withheld.because).toMatch(/agents get no version and stay where they are, because .* store\.maxStaleness/);
});

it.each([
  ['2026-11-27T11:00:00Z', 'between 2026-11-27 11:00 UTC and 2026-11-27 11:30 UTC'],
  ['2026-11-27T11:30:00Z', 'at 2026-11-27 11:30 UTC'],
])('says when an agent went back by itself that was last there at %s', (was, when) => {
  const reverted = { from: '16.4.7', was: Date.parse(was), at: Date.parse('2026-11-27T11:30:00Z') };
  const { because } = explainAgent({ ...agent, past: { ...agent.past, reverted } }, snapshot, AT);
  expect(because).toContain(`it went back from 16.4.7 by itself, ${when}`);
});
