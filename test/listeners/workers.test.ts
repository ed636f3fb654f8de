import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { type FairwayProcess, runFairway, startFairway } from '../support/process.ts';
import { freePort } from '../support/redis-server.ts';
import { QUICKSTART } from '../support/server.ts';

const start = () => startFairway({ settings: { ...QUICKSTART, workers: 2, fleet: { enrolment: { mode: 'open' } } } });

const workersOf = ({ pid }: FairwayProcess): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

/** Polls on a new connection each, which the kernel distributes over the workers. */
async function pollEach(server: FairwayProcess, times: number): Promise<Set<string>> {
  const bodies = await Promise.all(
    Array.from({ length: times }, async () => {
      const response = await fetch(`${server.publicUrl}/v1/stable/cloud/version`, { headers: { Connection: 'close' } });
      return `${response.status} ${await response.text()}`;
    }),
  );
  return new Set(bodies);
}

it('answers the same from every worker, before a change and right after it', async () => {
  const server = await start();
  expect(await pollEach(server, 40)).toEqual(new Set(['200 v16.4.6']));
  const moved = await server.api('POST', '/channels/stable%2Fcloud/roll-forward', {
    version: '16.4.7',
    reason: 'test',
  });
  expect(moved.status).toBe(200);
  await vi.waitFor(async () => expect(await pollEach(server, 40)).toEqual(new Set(['200 v16.4.7'])));
});

it('counts the polls of all workers together, and keeps the counts of a worker that dies', async () => {
  const server = await start();
  await pollEach(server, 60);
  const polls = async () => {
    const text = await (await fetch(`${server.operatorUrl}/metrics`)).text();
    return Number(
      /^fairway_polls_total\{channel="stable\/cloud",endpoint="version",code="200"\} (\d+)$/m.exec(text)?.[1],
    );
  };
  await vi.waitFor(async () => expect(await polls()).toBe(60));
  process.kill(workersOf(server)[0] as number, 'SIGKILL');
  await vi.waitFor(() => expect(workersOf(server)).toHaveLength(1));
  expect(await polls()).toBe(60);
});

it('replaces a worker that dies, and keeps answering', async () => {
  const server = await start();
  const before = workersOf(server);
  expect(before).toHaveLength(2);
  process.kill(before[0] as number, 'SIGKILL');
  await vi.waitFor(async () => expect(await pollEach(server, 5)).toEqual(new Set(['200 v16.4.6'])));
  await vi.waitFor(() => expect(workersOf(server).filter((pid) => pid !== before[0])).toHaveLength(2));
  await vi.waitFor(async () => expect(await pollEach(server, 40)).toEqual(new Set(['200 v16.4.6'])));
});

it('records the check-ins of every worker', async () => {
  const server = await start();
  for (let agent = 0; agent < 20; agent++) {
    const headers = { 'Agent-Id': `agent-${agent}`, 'Agent-Version': '16.4.3', Connection: 'close' };
    await fetch(`${server.publicUrl}/v1/stable/cloud/version`, { headers });
  }
  await vi.waitFor(async () => {
    const census = await server.api('GET', '/census?channel=stable/cloud');
    expect(census.body).toMatchObject({ agents: 20, oldest: { version: '16.4.3', count: 20 } });
  });
});

it('ends its workers when it is killed', async () => {
  const server = await start();
  const workers = workersOf(server);
  await server.kill();
  const alive = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  await vi.waitFor(() => expect(workers.filter(alive)).toEqual([]));
});

it('adds up how long polls wait in all workers, and keeps the samples of a worker that dies', async () => {
  const server = await start();
  const samples = async () => {
    const text = await (await fetch(`${server.operatorUrl}/metrics`)).text();
    return ['bucket\\{le="\\+Inf"\\}', 'count'].map((name) =>
      Number(new RegExp(`^fairway_poll_delay_seconds_${name} (\\d+)$`, 'm').exec(text)?.[1]),
    );
  };
  await vi.waitFor(async () => expect((await samples())[0]).toBeGreaterThan(50));
  process.kill(workersOf(server)[0] as number, 'SIGKILL');
  const before = await samples();
  await vi.waitFor(() => expect(workersOf(server)).toHaveLength(1));
  const [bucket = 0, count] = await samples();
  expect(bucket).toBeGreaterThanOrEqual(before[0] as number);
  expect(count).toBe(bucket);
});

it('ends with its workers if the address is taken, and names it', async () => {
  const { port } = new URL((await start()).publicUrl);
  const program = runFairway({
    settings: { ...QUICKSTART, workers: 2, fleet: { enrolment: { mode: 'open' } } },
    env: { FAIRWAY_PORT: port },
  });
  expect(await program.exit).toEqual({ code: 1, signal: null });
  expect(program.stderr).toContain(`127.0.0.1:${port} is taken`);
  expect(program.stderr).not.toMatch(/\n\s+at /);
});

const readyz = async ({ operatorUrl }: FairwayProcess) => {
  const response = await fetch(`${operatorUrl}/readyz`);
  return `${response.status} ${await response.text()}`;
};

it('goes on when workers die while the first process is held up', async () => {
  // With port 0 the workers of a later round would get another port.
  const env = { FAIRWAY_PORT: String(await freePort()) };
  const server = await startFairway({ settings: { ...QUICKSTART, workers: 2 }, env });
  for (let round = 0; round < 2; round++) {
    await vi.waitFor(() => expect(workersOf(server)).toHaveLength(2));
    const polls = Array.from({ length: 20 }, (_, agent) =>
      fetch(`${server.publicUrl}/v1/stable/cloud/version`, {
        headers: { 'Agent-Id': `agent-${agent}`, 'Agent-Version': '16.4.3', Connection: 'close' },
      }),
    );
    await Promise.allSettled(polls);
    server.signal('SIGSTOP');
    for (const pid of workersOf(server)) process.kill(pid, 'SIGKILL');
    // The first process has something to send to them when it goes on: at the latest the age of the state.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    server.signal('SIGCONT');
    await vi.waitFor(async () => expect(await pollEach(server, 5)).toEqual(new Set(['200 v16.4.6'])), 10_000);
  }
  expect(server.stderr).toBe('');
});

it('is not ready while no worker answers, and is ready again when one does', async () => {
  const server = await start();
  expect(await readyz(server)).toBe('200 ready');
  const hung = workersOf(server);
  for (const pid of hung) process.kill(pid, 'SIGSTOP');
  await vi.waitFor(async () => expect(await readyz(server)).toMatch(/^503 not ready: no worker answers polls/), 15_000);
  process.kill(hung[0] as number, 'SIGCONT');
  await vi.waitFor(async () => expect(await readyz(server)).toBe('200 ready'), 10_000);
  for (const pid of hung) process.kill(pid, 'SIGKILL');
});

it('ends a worker that hangs at the deadline of the shutdown', async () => {
  const server = await startFairway({ settings: { ...QUICKSTART, workers: 2, shutdown: { deadline: '500ms' } } });
  for (const pid of workersOf(server)) process.kill(pid, 'SIGSTOP');
  server.signal('SIGTERM');
  expect(await server.exit).toEqual({ code: 0, signal: null });
  const ended = server.logs().filter(({ msg }) => /did not end in time/.test(`${msg}`));
  expect(ended).toHaveLength(2);
});
