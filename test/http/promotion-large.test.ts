import { describe, expect, it } from 'vitest';
import { commandLine } from '../support/cli.ts';
import { openStage, RELEASE, startStages } from '../support/promotion.ts';

const CHANNELS = Array.from({ length: 45 }, (_, n) => `tenants/${String(n).padStart(2, '0')}`);
const PLANES = Array.from({ length: 30 }, (_, n) => `cluster-${String(n).padStart(2, '0')}`);

async function startLarge() {
  const stage = openStage('all', { channels: CHANNELS, controlPlanes: PLANES });
  const world = await startStages([stage], { promotion: { advanceEvery: '1h' } });
  await world.api('PUT', `/control-planes/${PLANES[0]}`, { version: '17.0.0' });
  await world.register();
  return world;
}

type Place = { channel?: string; controlPlane?: string; waits: string | null };

describe('a stage of many channels and control planes', () => {
  it('is shown with its counts and the first ten of each that it waits for', async () => {
    const { read } = await startLarge();
    const promotion = await read();
    const [stage] = promotion.stages;
    expect(stage.counts).toEqual({ channels: 45, serving: 0, controlPlanes: 30, ready: 1 });
    expect(stage.channels.map(({ channel }: Place) => channel)).toEqual(CHANNELS.slice(0, 10));
    expect(stage.controlPlanes.map(({ controlPlane }: Place) => controlPlane)).toEqual(PLANES.slice(1, 11));
    const gate = stage.gates.find((each: { gate: string }) => each.gate === 'control_planes');
    expect(gate.reason).toMatch(/cluster-10 reports nothing, and 19 more$/);
    expect(JSON.stringify(promotion).length).toBeLessThan(10_000);
  });

  it('lists all of them, a page at a time, with what each waits for', async () => {
    const { api } = await startLarge();
    const places: Place[] = [];
    for (let cursor: string | null = '0'; cursor !== null; ) {
      const path: string = `/releases/${RELEASE}/promotion/stages/all?limit=20&cursor=${cursor}`;
      const { status, body } = await api('GET', path);
      expect(status).toBe(200);
      expect(body.places.length).toBeLessThanOrEqual(20);
      places.push(...body.places);
      cursor = body.cursor;
    }
    expect(places.map(({ channel, controlPlane }) => channel ?? controlPlane)).toEqual([...PLANES, ...CHANNELS]);
    expect(places[0]?.waits).toBeNull();
    expect(places[1]?.waits).toBe(`it must run ${RELEASE} first`);
    expect(places.at(-1)?.waits).toMatch(/kind|not moved yet/);
    for (const path of ['stages/other', 'stages/all?cursor=x']) {
      expect((await api('GET', `/releases/${RELEASE}/promotion/${path}`)).status).toBe(422);
    }
  });

  it('is listed whole by the command line', async () => {
    const { server } = await startLarge();
    const { code, stdout } = await commandLine(server)(['promote', 'show', RELEASE, '--stage', 'all']);
    expect(code).toBe(0);
    expect(stdout.match(/^control plane cluster-/gm)).toHaveLength(PLANES.length);
    expect(stdout.match(/^channel tenants\//gm)).toHaveLength(CHANNELS.length);
    const short = await commandLine(server)(['promote', 'show', RELEASE]);
    expect(short.stdout).toContain('35 more');
  });
});
