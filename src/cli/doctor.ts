import { number } from '../domain/words.ts';
import { type Api, readAll } from './client.ts';
import { probe } from './probe.ts';
import type { Census, Channel } from './types.ts';

/** What a check found, and what to do about it. Faults need an action now, warnings soon. */
export interface Finding {
  check: string;
  state: 'ok' | 'warning' | 'fault';
  detail: string;
  remedy: string | null;
}

export interface Examined {
  /** The operator listener, which is asked without a token as well. */
  url: string;
  /** The address that updaters have. */
  publicUrl: string;
  api: Api;
  /** Undefined if nobody is signed in; metrics may ask for it. */
  token: string | undefined;
  /** Epoch milliseconds. */
  now: number;
}

/** Seconds by which a clock may be off before a person should know; Fairway itself stops at 30. */
const CLOCK_WARNING = 5;
const CLOCK_FAULT = 30;
const DAY_MS = 24 * 3_600_000;
/** As the alert `FairwayCertificateExpires`. */
const CERTIFICATE_WARNING_DAYS = 14;
/** Polls of at most this many channels, so that a large fleet takes seconds. */
const MAX_POLLED = 20;

const ok = (check: string, detail: string): Finding => ({ check, state: 'ok', detail, remedy: null });
const warning = (check: string, detail: string, remedy: string): Finding => ({
  check,
  state: 'warning',
  detail,
  remedy,
});
const fault = (check: string, detail: string, remedy: string): Finding => ({ check, state: 'fault', detail, remedy });

/** Examines a running installation from outside: what operators reach, what it knows, and what updaters get. */
export async function examine(examined: Examined): Promise<Finding[]> {
  const { reached, findings } = await examineOperator(examined);
  const [signIn, channels] = reached ? await examineSignIn(examined) : [null, null];
  return [
    ...findings,
    ...(signIn ? [signIn] : []),
    ...(channels ? await examineEvidence(examined.api, channels) : []),
    ...(await examinePublic(examined, channels ?? [])),
  ];
}

const isLoopback = ({ hostname }: URL): boolean => /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(hostname);

async function examineOperator({ url, token, now }: Examined): Promise<{ reached: boolean; findings: Finding[] }> {
  const check = 'operator listener';
  const base = new URL(url);
  try {
    const ready = await probe(new URL('/readyz', base));
    if (!/^(not )?ready/.test(ready.body)) {
      const other = `${url} is not a Fairway operator listener`;
      return { reached: false, findings: [fault(check, other, 'name it with --url or FAIRWAY_URL')] };
    }
    const runbooks = 'find the runbook of what it says in docs/runbooks/README.md';
    const readiness =
      ready.status !== 200
        ? fault(check, ready.body, runbooks)
        : ready.body.includes(', but ')
          ? warning(check, ready.body, runbooks)
          : ok(check, `${url} is ${ready.body}`);
    const metrics = await probe(new URL('/metrics', base), token);
    const transport =
      base.protocol === 'https:' || isLoopback(base)
        ? []
        : [warning(check, `${url} is not https, so the network sees tokens`, 'put it behind a proxy with TLS')];
    const findings = [readiness, ...transport];
    if (metrics.status === 200) {
      findings.push(examineStore(metrics.body), examineClock(metrics.body, ready.at, now));
    } else {
      const unread = `the metrics, which show the state of the store and the clock, answer ${metrics.status}`;
      findings.push(warning('store', unread, `sign in with the role viewer or higher: fairway login ${url}`));
    }
    return { reached: true, findings };
  } catch (error) {
    const why = `${url} cannot be reached: ${(error as Error).message}`;
    const remedy = 'start the server, or name its operator listener with --url or FAIRWAY_URL';
    return { reached: false, findings: [fault(check, why, remedy)] };
  }
}

/** The value of a metric without labels; null if there is none. */
function metric(text: string, name: string): number | null {
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? [];
  return value === undefined ? null : Number(value);
}

function examineStore(metrics: string): Finding {
  if (metric(metrics, 'fairway_store_lost_changes') === 1) {
    return fault('store', 'it holds another history than the served one', 'decide: fairway recover served --dry-run');
  }
  if (metric(metrics, 'fairway_store_up') === 0) {
    return fault('store', 'it does not answer; agents get the last state', 'follow docs/runbooks/redis-lost.md');
  }
  if (metric(metrics, 'fairway_store_writable') === 0) {
    return fault('store', 'it answers, but takes no changes', 'see what /readyz says, and docs/operating.md');
  }
  return ok('store', 'it answers and takes changes');
}

function examineClock(metrics: string, serverAt: number | null, now: number): Finding {
  const offset = Math.abs(metric(metrics, 'fairway_clock_offset_seconds') ?? 0);
  const remedy = 'synchronise the clock, see docs/runbooks/clock.md';
  if (offset > CLOCK_FAULT) return fault('clock', `the server is ${offset.toFixed(0)} s off its store`, remedy);
  if (offset > CLOCK_WARNING) return warning('clock', `the server is ${offset.toFixed(0)} s off its store`, remedy);
  const apart = serverAt === null ? 0 : Math.abs(serverAt - now) / 1000;
  if (apart > CLOCK_WARNING) {
    const detail = `this machine and the server are ${apart.toFixed(0)} s apart`;
    return warning('clock', detail, 'synchronise the clock of both, for example with chrony');
  }
  return ok('clock', 'it agrees with the store and with this machine');
}

async function examineSignIn({ api, url }: Examined): Promise<[Finding, Channel[] | null]> {
  try {
    const { channels } = await readAll<'channels', Channel>(api, '/channels', 'channels');
    if (channels.length > 0)
      return [ok('sign-in', `the token is valid; ${number(channels.length)} channels`), channels];
    const none = warning(
      'sign-in',
      'the token is valid, but there is no channel',
      'create one: fairway channel create NAME',
    );
    return [none, channels];
  } catch (error) {
    return [fault('sign-in', (error as Error).message, `sign in: fairway login ${url}`), null];
  }
}

async function examineEvidence(api: Api, channels: Channel[]): Promise<Finding[]> {
  let censuses: Census[];
  try {
    censuses = (await readAll<'channels', Census>(api, '/census', 'channels')).channels;
  } catch (error) {
    return [fault('evidence', (error as Error).message, 'put the store right first')];
  }
  const served = new Set(channels.filter(({ target }) => target !== null).map(({ name }) => name));
  const troubles = censuses.filter(({ channel }) => served.has(channel)).flatMap(examineCensus);
  if (troubles.length > 0) return troubles;
  return [ok('evidence', 'every channel with a target has a complete, fresh source, and no agent is stranded')];
}

function examineCensus({ channel, sources, stranded, cutOff }: Census): Finding[] {
  const check = `evidence of ${channel}`;
  const findings: Finding[] = [];
  if (!sources.some(({ complete, fresh }) => complete && fresh)) {
    const what = 'no source knows all agents and is fresh, so targets of another major are refused';
    findings.push(warning(check, what, `import what runs: fairway inventory import FILE -c ${channel}`));
  }
  for (const { source, failing, settling } of sources) {
    if (failing) findings.push(warning(check, `${source} fails: ${failing.fault}`, `fairway evidence ${channel}`));
    if (settling) findings.push(warning(check, `${source} fell, and settles`, `fairway evidence ${channel}`));
  }
  if (stranded > 0) {
    const what = `${number(stranded)} agents are stranded by the target`;
    findings.push(warning(check, what, `see who: fairway show ${channel}, docs/runbooks/target-strands.md`));
  }
  if (cutOff > 0) {
    const what = `the control plane cuts off ${number(cutOff)} agents`;
    findings.push(warning(check, what, `see who: fairway census ${channel}, docs/runbooks/agents-cut-off.md`));
  }
  return findings;
}

async function examinePublic({ publicUrl, now }: Examined, channels: Channel[]): Promise<Finding[]> {
  const check = 'public address';
  const base = new URL(publicUrl);
  const findings: Finding[] = [];
  const polled = channels.filter(({ target }) => target !== null).slice(0, MAX_POLLED);
  try {
    const find = await probe(new URL('/webapi/find', base));
    if (base.protocol === 'http:' && !isLoopback(base)) {
      findings.push(
        warning(check, `${publicUrl} is not https, which updaters insist on`, 'set public.tls, or use a proxy'),
      );
    }
    const days = find.certificateEnds === null ? null : Math.floor((find.certificateEnds - now) / DAY_MS);
    if (days !== null && days < CERTIFICATE_WARNING_DAYS) {
      findings.push(
        warning(check, `its certificate ends in ${days} days`, 'renew it; Fairway loads it when it changes'),
      );
    }
    // The operator's side must not be reachable where agents are.
    if ((await probe(new URL('/api/v1/channels', base))).status !== 404) {
      const remedy = 'send only the public port there, see docs/operating.md';
      findings.push(fault(check, `${publicUrl} reaches the operator API`, remedy));
    }
    for (const channel of polled) findings.push(...(await pollAs(base, channel)));
  } catch (error) {
    const why = `${publicUrl} cannot be reached: ${(error as Error).message}`;
    return [...findings, fault(check, why, 'name the address that updaters have with --public')];
  }
  if (findings.length > 0) return findings;
  const served = `${publicUrl} serves the targets of ${number(polled.length)} channels that were polled`;
  return [ok(check, served)];
}

/** Polls a channel as its updaters do. */
async function pollAs(base: URL, { name, target, versionPrefix }: Channel): Promise<Finding[]> {
  const { status, body } = await probe(new URL(`/v1/${name}/version`, base));
  const expected = `${versionPrefix}${target}`;
  if (status === 200 && body.trim() === expected) return [];
  const check = `updaters of ${name}`;
  if (status !== 200) {
    const remedy = 'pass /v1/ and /webapi/ on to the public listener, see docs/updaters.md';
    return [fault(check, `get ${status} instead of ${expected} at ${base.origin}/v1/${name}/version`, remedy)];
  }
  const remedy = `a cache may keep an answer for half a minute; then: fairway explain AGENT`;
  return [warning(check, `get ${body.trim()} at ${base.origin}, and the target is ${expected}`, remedy)];
}
