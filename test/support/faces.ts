import { pino } from 'pino';
import { hashToken, type Settings } from '../../src/config/settings.ts';
import type { Store } from '../../src/domain/store.ts';
import { untraced } from '../../src/domain/tracer.ts';
import { openOperatorSide } from '../../src/listeners/operator.ts';
import { openPublicSide } from '../../src/listeners/public.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { systemClock } from '../../src/service/clock.ts';
import type { Services } from '../../src/services.ts';

/** What services show to agents, operators and people in a browser. */
export interface Faces {
  /** Asks the operator side, as an admin with a token and with a session. */
  get(path: string): Promise<{ status: number; text: string }>;
  /** Asks the public side. */
  poll(path: string): Promise<{ status: number; text: string }>;
  close(): Promise<void>;
}

const TOKEN = 'a-token-of-the-faces';
/** The settings must have these. */
export const FACES_TOKENS = [{ name: 'faces', role: 'admin' as const, sha256: hashToken(TOKEN) }];

/** Opens both listeners for services that have none, by the settings' addresses. */
export async function openFaces(services: Services, store: Store, settings: Settings, now: () => Date): Promise<Faces> {
  const log = pino({ level: 'silent' });
  const metrics = createMetrics();
  const { state } = services;
  const publicSide = await openPublicSide({ state, store, settings, certificate: null, now, log });
  const bootstrap = { state: () => ({ is: 'done' as const }), stop() {} };
  const { url, close } = await openOperatorSide({
    ...{ services, settings, metrics, tracer: untraced, bootstrap, clock: systemClock(now), publicSide },
    ...{ certificate: null, version: '0.0.0', guests: [], log },
  });

  const read = async (address: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(address, { headers, redirect: 'manual' });
    return { status: answer.status, text: await answer.text() };
  };
  return {
    async get(path) {
      const headers = { Authorization: `Bearer ${TOKEN}` };
      if (path.startsWith('/api')) return read(`${url}${path}`, headers);
      // A new session each time: the clock of the test may have moved beyond the end of the last one.
      return read(`${url}${path}`, { ...headers, Accept: 'text/html', Cookie: await signIn(url) });
    },
    poll: (path) => read(`${publicSide.url}${path}`),
    async close() {
      await Promise.all([publicSide.close(0), close(0)]);
    },
  };
}

const cookiesOf = ({ headers }: Response) =>
  headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');

/** The cookies of a session. */
async function signIn(url: string): Promise<string> {
  const page = await fetch(`${url}/sign-in`);
  const csrf = /name="csrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? '';
  const body = new URLSearchParams({ token: TOKEN, csrf, next: '/' });
  const headers = { Cookie: cookiesOf(page) };
  return cookiesOf(await fetch(`${url}/sign-in`, { method: 'POST', redirect: 'manual', body, headers }));
}
