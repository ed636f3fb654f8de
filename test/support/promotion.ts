import { expect, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { merge } from '../../src/config/raw.ts';
import { requireVersion } from '../../src/domain/version.ts';
import type { StartOptions } from '../../src/server.ts';
import { operatorClient, startServer } from './server.ts';

export const RELEASE = '17.0.0-cloud.20241112T101530.f00dfac';
export const FIX = '17.0.0-cloud.20241113T101530.f00dfac';

/** A stage whose gates are open and that starts by itself. */
export const openStage = (name: string, over: object = {}) => ({
  name,
  channels: [name],
  soak: '1h',
  automatic: true,
  signOff: false,
  approval: false,
  ...over,
});

/** A server with one channel for each stage, all at 16.4.7. */
export async function startStages(
  stages: { channels?: string[] }[],
  over: Raw = {},
  options: Partial<StartOptions> = {},
) {
  const channels = stages.flatMap((stage) => stage.channels ?? []);
  const settings: Raw = {
    bootstrap: { channels: channels.map((name) => ({ name, target: '16.4.7' })) },
    promotion: { stages, advanceEvery: '20ms' },
  };
  const server = await startServer(merge(settings, over), options);
  return { server, ...release(operatorClient(server, 'release-manager')) };
}

/** What CI and release managers do with a release. */
export function release(api: ReturnType<typeof operatorClient>) {
  const read = async (version = RELEASE) => (await api('GET', `/releases/${version}/promotion`)).body;
  return {
    api,
    read,
    async register(version = RELEASE, over: object = {}) {
      await api('POST', '/releases/import', [{ version: '16.4.7', date: null, security: false }]);
      const { cloud } = requireVersion(version);
      const cutAt = cloud ? cloud.cutAt.toISOString() : '2024-11-12T10:15:30Z';
      const cut = { commit: cloud ? `${cloud.hash}ade` : 'f00dfacade', cutAt };
      const artifacts = { controlPlane: 'published', packages: 'published' };
      expect((await api('POST', '/releases', { version, ...cut, artifacts, ...over })).status).toBe(201);
    },
    act: (verb: string, body: object = {}, version = RELEASE) =>
      api('POST', `/releases/${version}/${verb}`, { reason: 'test', ...body }),
    states: async (version = RELEASE) => (await read(version)).stages.map(({ state }: { state: string }) => state),
    until: (stage: string, state: string, version = RELEASE) =>
      vi.waitFor(
        async () => {
          const { stages } = await read(version);
          expect(stages.find((each: { stage: string }) => each.stage === stage)).toMatchObject({ state });
        },
        { timeout: 15_000 },
      ),
  };
}
