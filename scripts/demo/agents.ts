import { get, Agent as HttpAgent } from 'node:http';

/** An agent of the demo: what it runs, and what it does next. Times are epoch milliseconds. */
export interface DemoAgent {
  id: string;
  channel: string;
  version: string;
  updater: 'unit' | 'kube';
  /** The version that this agent cannot run: it goes back by itself. */
  breaksAt: string | null;
  /** The version before the last upgrade. */
  before: string;
  pollAt: number;
  /** When it installs `next`, or goes back. */
  moveAt: number | null;
  next: string | null;
}

export interface AgentsOptions {
  publicUrl: string;
  /** The enrolment token that proves the agents' reports. */
  token: string;
  /** A number from 0 to 1. */
  chance?: () => number;
}

const TICK_MS = 250;
const SECOND = 1_000;
/** An updater polls every half minute or so. Real ones take longer, but a demo has to move. */
const POLL = [20 * SECOND, 40 * SECOND] as const;
/** Agents upgrade in the maintenance window of each, which here is within three minutes, or at once if critical. */
const WINDOW = [5 * SECOND, 180 * SECOND] as const;
const AT_ONCE = [1 * SECOND, 10 * SECOND] as const;
const BREAKS_AFTER = [15 * SECOND, 45 * SECOND] as const;

/**
 * Lets agents poll the public listener as updaters do: each reports its version, installs what it is served in its
 * window, and goes back by itself from a version that it cannot run. Returns a function that stops them.
 */
export function runAgents(agents: DemoAgent[], { publicUrl, token, chance = Math.random }: AgentsOptions): () => void {
  const connections = new HttpAgent({ keepAlive: true, maxSockets: 16 });
  const within = ([least, most]: readonly [number, number]) => least + chance() * (most - least);
  // They did not all start at the same moment.
  for (const agent of agents) agent.pollAt = Date.now() + chance() * POLL[1];

  function read(path: string, headers: Record<string, string>): Promise<string | null> {
    return new Promise((resolve) => {
      const request = get(`${publicUrl}/v1/${path}`, { agent: connections, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
        response.once('end', () => resolve(response.statusCode === 200 ? text.trim() : null));
      });
      // An agent that gets no answer stays where it is, and polls again.
      request.once('error', () => resolve(null));
    });
  }

  async function poll(agent: DemoAgent): Promise<void> {
    const served = await read(`${agent.channel}/version`, {
      'Agent-Id': agent.id,
      'Agent-Version': agent.version,
      'Updater-Kind': agent.updater,
      'Agent-Token': token,
    });
    const target = served?.replace(/^v/, '') ?? 'none';
    const goesBack = agent.version === agent.breaksAt;
    // What it was about to install is no longer the target.
    if (agent.next !== null && agent.next !== target && !goesBack) Object.assign(agent, { next: null, moveAt: null });
    if (target === 'none' || target === agent.version || agent.moveAt !== null || skips(agent.version, target)) return;
    const critical = (await read(`${agent.channel}/critical`, {})) === 'yes';
    agent.next = target;
    agent.moveAt = Date.now() + within(critical ? AT_ONCE : WINDOW);
  }

  function move(agent: DemoAgent, now: number): void {
    if (agent.next === null) return;
    agent.before = agent.version;
    agent.version = agent.next;
    agent.next = null;
    agent.moveAt = null;
    agent.pollAt = now;
    if (agent.version !== agent.breaksAt) return;
    agent.next = agent.before;
    agent.moveAt = now + within(BREAKS_AFTER);
  }

  const timer = setInterval(() => {
    const now = Date.now();
    for (const agent of agents) {
      if (agent.moveAt !== null && agent.moveAt <= now) move(agent, now);
      if (agent.pollAt > now) continue;
      agent.pollAt = now + within(POLL);
      void poll(agent);
    }
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    connections.destroy();
  };
}

/** An agent comes up only from the major before, and never goes back a major. */
function skips(from: string, to: string): boolean {
  const majors = Number.parseInt(to, 10) - Number.parseInt(from, 10);
  return majors > 1 || majors < 0;
}
