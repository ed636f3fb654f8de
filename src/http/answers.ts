import { createHash } from 'node:crypto';
import {
  type Answer,
  answerOf,
  type Cluster,
  type Served,
  type Surroundings,
  sourcesOf,
  surroundingsOf,
  withheld,
} from '../domain/answer.ts';
import { type Channel, channelAt, nextExpiry } from '../domain/channel.ts';
import { type MembershipSettings, prepareMembership } from '../domain/membership.ts';
import { OrderedMap } from '../domain/ordered-map.ts';
import { rememberNumbers } from '../domain/rollout.ts';
import { indexOf, type Snapshot, type Stored } from '../domain/snapshot.ts';
import type { Staleness } from '../domain/staleness.ts';
import { atOnce, type Steps } from '../domain/steps.ts';
import { isTurnOf, nextOpening, prepareGroupOf, type Turn, toldBy } from '../domain/told.ts';
import type { State } from '../service/state.ts';
import { ENDPOINTS, type Endpoint, plainPaths } from './public-path.ts';
import { type ReadStateAge, watchStateAge } from './state-age.ts';

/** How often an answer was given: whole numbers, which Prometheus reads. */
export interface Tally {
  ok: number;
  notModified: number;
}

/** An answer as both lanes send it. It is rendered when the state changes, so that a poll is only a look-up. */
export interface PreparedAnswer {
  channel: string;
  /** A string: node sends it in one write with the headers, a Buffer in a second one. */
  body: string;
  etag: string;
  /** Names and values in turn, as `ServerResponse.writeHead` takes them. */
  headers: string[];
  /** The same headers as they go on the wire, a line each. */
  headerLines: string;
  /** The headers without those that describe a body (RFC 9110, 15.4.5). */
  notModifiedHeaders: string[];
  tally: Tally;
  /** The same for the agents of a group, where not all get the same; null where they do. */
  own: OwnAnswer | null;
}

/** The answer for an agent of a group. To find it costs a look-up, and in a wave the hash of the agent's id. */
export type OwnAnswer = (group: string | undefined, id: string | undefined) => PreparedAnswer;

export interface Answers {
  /** Was any state ever loaded? Until then there is nothing to serve. */
  ready(): boolean;
  /** The answer of a channel, or undefined where there is no such channel. */
  find(channel: string, endpoint: Endpoint): PreparedAnswer | undefined;
  /** The find document of the channel that a group's agents belong to; undefined where that does not exist. */
  ofGroup(group: string | null, id: string | undefined): PreparedAnswer | undefined;
  /** The answer for exactly this path, in the plain form that nearly all agents send (`plainPaths`). */
  byPath(path: string): PreparedAnswer | undefined;
  /** The age that every answer must carry, and null while the state is fresh. */
  age: ReadStateAge;
  tallies(): Iterable<[channel: string, endpoint: Endpoint, tally: Tally]>;
  close(): void;
}

interface Prepared {
  channel: Stored<Channel>;
  surroundings: Surroundings;
  answers: ChannelAnswers;
  /** When it was rendered, and when it must be again; epoch milliseconds. */
  at: number;
  endsAt: number;
}

type ChannelAnswers = Record<Endpoint, PreparedAnswer>;

export interface AnswersOptions {
  state: Pick<State, 'peek' | 'onNext' | 'age'>;
  staleness: Staleness;
  cluster: Cluster;
  membership: MembershipSettings;
  now: () => Date;
}

/** Milliseconds. A timer does not notice that the clock was set, so ends are looked at at least this often. */
const LOOK_EVERY_MS = 1_000;

/** Keeps every channel's answers ready. Renders again what a change concerns, and what a pin or critical mark ends. */
export function createAnswers({ state, staleness, cluster, membership, now }: AnswersOptions): Answers {
  const prepared = new Map<string, Prepared>();
  const paths = new Map<string, PreparedAnswer>();
  const tallies = new Map<string, Record<Endpoint, Tally>>();
  const numbers = rememberNumbers();
  let channelOf = prepareMembership(prepared, membership);
  /** The control planes and releases that a channel's answers depend on, by their keys; and the other way round. */
  const sources = new Map<string, readonly string[]>();
  const dependents = new Map<string, Set<string>>();
  /** The channels whose answers change by themselves. */
  const ending = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let rendered: Snapshot | null = null;
  /** When those that change by themselves were looked at, and when the next one changes; epoch milliseconds. */
  let lookedAt = 0;
  let endsAt = Number.POSITIVE_INFINITY;
  const age = watchStateAge(state, staleness, () => renderAgain(rendered?.channels.keys() ?? []));

  function tallyOf(channel: string): Record<Endpoint, Tally> {
    let tally = tallies.get(channel);
    if (!tally) {
      tally = { version: newTally(), critical: newTally(), tools: newTally(), find: newTally() };
      tallies.set(channel, tally);
    }
    return tally;
  }

  function prepare(channel: Stored<Channel>, surroundings: Surroundings, at: Date): Prepared {
    const answers = answersOf(channel, surroundings, at);
    const endsAt = Math.min(nextExpiry(channel, at), nextOpening(channelAt(channel, at), at));
    return { channel, surroundings, answers, at: at.getTime(), endsAt };
  }

  function answersOf(stored: Stored<Channel>, surroundings: Surroundings, at: Date): ChannelAnswers {
    const channel = { ...channelAt(stored, at), revision: stored.revision };
    const told = toldBy(channel, at);
    const groups = prepareGroupOf(channel, membership.groups);
    const tally = tallyOf(channel.name);
    const rendered = new Map<string, ChannelAnswers>();
    const varies = groups !== null;

    /** Most groups get the same answers, which are rendered once. */
    function serving(served: Served): ChannelAnswers {
      const key = `${served.v1} ${served.v2} ${served.auto}`;
      let answers = rendered.get(key);
      if (!answers) {
        answers = renderAll(channel, answerOf(channel, surroundings, cluster, served), tally, varies);
        rendered.set(key, answers);
      }
      return answers;
    }

    if (!groups) return serving(told.all);
    const { groupOf } = groups;
    const all = serving(told.all);
    const held = serving(told.held);
    const turns = new Map([...told.turns].map(([name, turn]) => [name, prepareTurn(turn, serving)]));
    const choose = (group: string | undefined, id: string | undefined): ChannelAnswers => {
      const name = groupOf(group ?? null);
      if (name === null) return held;
      const turn = turns.get(name);
      if (!turn) return all;
      return isTurnOf(turn, told.rollout, id, numbers) ? turn.told : turn.others;
    };
    return withOwn(choose);
  }

  /** Most changes of a release or a control plane change no answer of the channels that depend on it. */
  function renderChannel(channel: Stored<Channel>, snapshot: Snapshot, isWithheld: boolean, at: Date): Prepared {
    const all = surroundingsOf(channel, snapshot);
    const surroundings = isWithheld ? withheld(all) : all;
    const before = prepared.get(channel.name);
    const isInTime = before && at.getTime() < before.endsAt && at.getTime() >= before.at;
    const isSame = isInTime && before.channel === channel && !differ(before.surroundings, surroundings);
    return isSame ? before : prepare(channel, surroundings, at);
  }

  function serve(known: Prepared): void {
    const { channel, answers } = known;
    const isServed = prepared.get(channel.name) === known;
    if (!isServed) for (const [path, endpoint] of plainPaths(channel.name)) paths.set(path, answers[endpoint]);
    prepared.set(channel.name, known);
    if (changesByItself(channel)) ending.add(channel.name);
    else ending.delete(channel.name);
    endsAt = Math.min(endsAt, known.endsAt);
  }

  function depend(channel: string, keys: readonly string[]): void {
    for (const key of sources.get(channel) ?? []) {
      const others = dependents.get(key);
      others?.delete(channel);
      if (others?.size === 0) dependents.delete(key);
    }
    for (const key of keys) dependents.set(key, (dependents.get(key) ?? new Set()).add(channel));
    if (keys.length > 0) sources.set(channel, keys);
    else sources.delete(channel);
  }

  /** Renders what differs from what was rendered before, beside what is served. Then all is swapped. */
  function* renderNext(next: Snapshot): Steps<() => void> {
    const at = now();
    const isWithheld = age.peek()?.isWithheld ?? false;
    const concerned = rendered ? concernedBy(rendered, next) : next.channels.keys();
    const fresh: Prepared[] = [];
    const gone: string[] = [];
    for (const name of concerned) {
      const channel = next.channels.get(name);
      depend(name, channel ? sourcesOf(channel, next) : []);
      if (channel) fresh.push(renderChannel(channel, next, isWithheld, at));
      else gone.push(name);
      yield;
    }
    return () => {
      const isOtherSet = gone.length > 0 || fresh.some(({ channel }) => !prepared.has(channel.name));
      rendered = next;
      for (const each of fresh) serve(each);
      for (const name of gone) drop(name);
      if (isOtherSet) channelOf = prepareMembership(prepared, membership);
      if (isWithheld !== (age.peek()?.isWithheld ?? false)) renderAgain(next.channels.keys());
      look(now());
    };
  }

  function concernedBy(before: Snapshot, after: Snapshot): Set<string> {
    const channels = new Set<string>();
    for (const key of OrderedMap.changedKeys(before.documents, after.documents)) {
      const place = indexOf(key);
      if (place?.index === 'channels') channels.add(place.name);
      else for (const channel of dependents.get(key) ?? []) channels.add(channel);
    }
    return channels;
  }

  /** Ends that have passed are looked at too: the clock may be set back to before them. */
  function look(at: Date): void {
    const isDue = at.getTime() >= endsAt || at.getTime() < lookedAt;
    lookedAt = at.getTime();
    if (isDue) {
      endsAt = Number.POSITIVE_INFINITY;
      renderAgain([...ending]);
    }
    clearTimeout(timer);
    const wait = Math.min(Math.max(endsAt - lookedAt, 1), LOOK_EVERY_MS);
    if (ending.size > 0) timer = setTimeout(() => look(now()), wait);
  }

  function renderAgain(names: Iterable<string>): void {
    const at = now();
    for (const name of names) {
      const channel = rendered?.channels.get(name);
      if (rendered && channel) serve(renderChannel(channel, rendered, age.peek()?.isWithheld ?? false, at));
    }
  }

  function drop(name: string): void {
    prepared.delete(name);
    ending.delete(name);
    tallies.delete(name);
    for (const [path] of plainPaths(name)) paths.delete(path);
  }

  const stop = state.onNext(renderNext);
  const first = state.peek();
  if (first) atOnce(renderNext(first))();

  return {
    ready: () => state.peek() !== null,
    find: (channel, endpoint) => prepared.get(channel)?.answers[endpoint],
    ofGroup(group, id) {
      const there = channelOf(group);
      const answer = prepared.get(there.channel)?.answers.find;
      return answer?.own ? answer.own(there.group ?? undefined, id) : answer;
    },
    byPath: (path) => paths.get(path),
    age: age.peek,
    *tallies() {
      for (const [channel, tally] of tallies) {
        for (const endpoint of ENDPOINTS) yield [channel, endpoint, tally[endpoint]];
      }
    },
    close() {
      stop();
      age.close();
      clearTimeout(timer);
    },
  };
}

const newTally = (): Tally => ({ ok: 0, notModified: 0 });

/** Has it an end, even one that has passed, or a window? */
const changesByItself = ({ critical, pin, window, rollout }: Channel) =>
  critical?.until != null || pin?.until != null || window != null || rollout?.strategy === 'time-based';

const differ = (a: Surroundings, b: Surroundings) =>
  a.controlPlane !== b.controlPlane ||
  a.tools !== b.tools ||
  a.target !== b.target ||
  String(a.starts) !== String(b.starts);

/** A turn with the answers of those whose turn has come, and of the others. */
interface PreparedTurn extends Pick<Turn, 'below' | 'canaries'> {
  told: ChannelAnswers;
  others: ChannelAnswers;
}

const prepareTurn = (
  { below, canaries, told, others }: Turn,
  serving: (served: Served) => ChannelAnswers,
): PreparedTurn => ({ below, canaries, told: serving(told), others: serving(others) });

/** The answers to an agent that says nothing of itself, each with the way to those of a group. */
function withOwn(choose: (group: string | undefined, id: string | undefined) => ChannelAnswers): ChannelAnswers {
  const plain = choose(undefined, undefined);
  const own = (endpoint: Endpoint): PreparedAnswer => ({
    ...plain[endpoint],
    own: (group, id) => choose(group, id)[endpoint],
  });
  return { version: own('version'), critical: own('critical'), tools: plain.tools, find: own('find') };
}

const renderAll = (
  channel: Stored<Channel>,
  { version, critical, tools, find }: Answer,
  tally: Record<Endpoint, Tally>,
  varies: boolean,
): ChannelAnswers => ({
  version: text(channel, version, tally.version, varies),
  critical: text(channel, critical, tally.critical, varies),
  tools: text(channel, tools, tally.tools, false),
  find: json(channel, find, tally.find, varies),
});

const text = (channel: Stored<Channel>, body: string, tally: Tally, varies: boolean) =>
  render(channel, body, `"${body}"`, 'text/plain; charset=utf-8', tally, varies);

function json(channel: Stored<Channel>, content: object, tally: Tally, varies: boolean): PreparedAnswer {
  const body = JSON.stringify(content);
  const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;
  return render(channel, body, etag, 'application/json', tally, varies);
}

/** What agents say of themselves decides their answer. */
const VARY = ['Vary', 'Agent-Id, Agent-Group'];

function render(
  channel: Stored<Channel>,
  body: string,
  etag: string,
  type: string,
  tally: Tally,
  varies: boolean,
): PreparedAnswer {
  // A cache may hide a rollback for half a minute, and bridge an outage for a day.
  const cache = ['Cache-Control', 'public, max-age=30, stale-if-error=86400', ...(varies ? VARY : [])];
  const notModifiedHeaders = [...cache, 'ETag', etag, 'Fairway-Revision', String(channel.revision)];
  const headers = ['Content-Type', type, 'Content-Length', String(Buffer.byteLength(body)), ...notModifiedHeaders];
  let headerLines = '';
  for (let i = 0; i + 1 < headers.length; i += 2) headerLines += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return { channel: channel.name, body, etag, headers, headerLines, notModifiedHeaders, tally, own: null };
}
