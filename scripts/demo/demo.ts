import type { Logger } from 'pino';
import { merge, type Raw } from '../../src/config/raw.ts';
import type { Settings } from '../../src/config/settings.ts';
import { type RunningServer, start } from '../../src/server.ts';
import { runAgents } from './agents.ts';
import {
  type Call,
  createAgents,
  type DemoPerson,
  importInventories,
  recordPast,
  settingsOf,
  tellStory,
} from './world.ts';

export interface DemoOptions {
  /** The shipped settings with addresses. */
  base: Raw;
  /** A new directory for the embedded store. */
  dataDir: string;
  /** Returns a new secret. */
  secret: () => string;
  settingsOf: (raw: Raw) => Settings;
  version: string;
  log: Logger;
}

export interface Demo extends RunningServer {
  /** The first is an admin. */
  people: DemoPerson[];
  agents: number;
  channels: number;
}

/** A control plane's inventory is exported this often. */
const IMPORT_MS = 120_000;

/**
 * Starts a server with a fleet and its past, whose agents poll and upgrade until it is closed. Everyone who reaches the
 * dashboard may sign in, so its addresses must be of this machine only.
 */
export async function startDemo({
  base,
  dataDir,
  secret,
  settingsOf: validate,
  version,
  log,
}: DemoOptions): Promise<Demo> {
  const roles = { mara: 'admin', 'ops-1': 'operator', 'rm-1': 'release-manager' } as const;
  const people = Object.entries(roles).map(([name, role]): DemoPerson => ({ name, role, token: secret() }));
  const agentToken = secret();
  const now = Date.now();
  const agents = createAgents(now);
  await recordPast(dataDir, agents, now);

  // The past takes some seconds to tell, and the clock runs on from then.
  let back = 9 * 24 * 3_600_000;
  const settings = validate(merge(merge(base, { dataDir }), settingsOf(now, people, agentToken)));
  const clock = () => new Date(Date.now() - back);
  const server = await start({ settings, version, log, now: clock, guests: people });
  try {
    const call = caller(server.operatorUrl, people);
    await tellStory({ call, agents, now, ago: (ms) => (back = ms) });
    const stop = runAgents(agents, { publicUrl: server.publicUrl, token: agentToken });
    const imports = setInterval(
      () => void importInventories({ call, agents }).catch((err) => log.warn({ err }, 'an import failed')),
      IMPORT_MS,
    );
    const close = () => {
      clearInterval(imports);
      stop();
      return server.close();
    };
    const channels = new Set(agents.map(({ channel }) => channel)).size;
    return { ...server, close, people, agents: agents.length, channels };
  } catch (error) {
    await server.close();
    throw error;
  }
}

const caller =
  (operatorUrl: string, people: DemoPerson[]): Call =>
  async (person, method, path, body) => {
    const token = people.find(({ name }) => name === person)?.token;
    const response = await fetch(`${operatorUrl}/api/v1${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${(answer as { detail: string }).detail}`);
    return answer;
  };
