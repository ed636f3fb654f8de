import { type PeerAccess, PeerError, type ReadAccess } from '../domain/peers.ts';
import type { Condition } from '../domain/promotion.ts';
import { type PromotionGate, QUERY_FAILED } from '../domain/promotion-gates.ts';
import { requestPeer } from './request.ts';

/** `fresh`: nothing that was answered before counts, because a step is to be taken. */
export interface AskHow {
  fresh?: boolean;
}

export interface PrometheusOptions {
  /** The server's URL, with its path prefix if it has one; null if none is set. */
  url: string | null;
  /** Milliseconds for one query. */
  deadline: number;
  access: ReadAccess;
}

/** Asks a Prometheus server whether a condition holds. Never rejects: a failed query is a gate that is not passed. */
export interface Conditions {
  check(condition: Pick<Condition, 'name' | 'query'>, how?: AskHow): Promise<PromotionGate>;
}

/** Milliseconds for which an answer is reused, so that a page with many readers asks once. */
const CACHE_FOR = 5_000;
const MAX_CACHED = 1_000;
/** Bytes. A condition's answer has a few series. */
const MAX_ANSWER = 1024 * 1024;

export function createConditions({ url, deadline, access }: PrometheusOptions): Conditions {
  const cache = new Map<string, { at: number; gate: Promise<PromotionGate> }>();

  async function ask({ name, query }: Condition): Promise<PromotionGate> {
    const gate = `condition:${name}`;
    try {
      const reason = judge(await fetchAnswer(url, query, deadline, access()));
      return { gate, passed: reason === null, reason };
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      return { gate, passed: false, reason: `${QUERY_FAILED}: ${error.message}` };
    }
  }

  return {
    check(condition, { fresh = false } = {}) {
      const key = `${condition.name} ${condition.query}`;
      const at = performance.now();
      const known = cache.get(key);
      if (!fresh && known && at - known.at < CACHE_FOR) return known.gate;
      const gate = ask(condition);
      // Conditions of channels may change as often as a person likes.
      if (cache.size >= MAX_CACHED) cache.clear();
      cache.set(key, { at, gate });
      return gate;
    },
  };
}

async function fetchAnswer(
  url: string | null,
  query: string,
  timeout: number,
  { ca, headers }: PeerAccess,
): Promise<unknown> {
  if (url === null) throw new PeerError('unreachable', 'no Prometheus is set; see promotion.prometheus.url');
  const { address, login } = split(url);
  const access = { ca, headers: { ...login, ...headers } };
  const form = new URLSearchParams({ query });
  const { status, body } = await requestPeer({ url: address, form, timeout, maxBody: MAX_ANSWER, access });
  const answer = parse(body);
  if (answer?.status === 'success') return answer.data;
  const why = answer?.error ? String(answer.error).slice(0, 300) : `it answered ${status}`;
  throw new PeerError('status', why);
}

/** The address of the query API, and the login that the URL has. */
function split(url: string): { address: URL; login: Record<string, string> } {
  const address = new URL(url);
  const { username, password } = address;
  address.username = '';
  address.password = '';
  address.pathname = `${address.pathname.replace(/\/$/, '')}/api/v1/query`;
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { address, login: username ? { Authorization: `Basic ${Buffer.from(user).toString('base64')}` } : {} };
}

function parse(text: string): { status?: unknown; error?: unknown; data?: unknown } | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Returns why the condition does not hold, or null. */
function judge(data: unknown): string | null {
  const { resultType, result } = (data ?? {}) as { resultType?: unknown; result?: unknown };
  if (resultType !== 'vector' || !Array.isArray(result)) {
    return `the query returns a ${resultType}; a condition must return series, such as a comparison does`;
  }
  return result.length > 0 ? null : 'no series satisfies it';
}
