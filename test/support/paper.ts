/**
 * What a careful person would keep on paper about a fleet, by the rules of evidence alone. It shares no code with the
 * domain: plain maps and arrays, and its own reading of versions.
 */

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

/** Milliseconds, as the shipped settings have them. */
export const TERMS = { fresh: DAY, presumed: 30 * DAY, stale: DAY, contested: HOUR, settle: 15 * MINUTE, grace: DAY };

export const UNREADABLE = '?';

/** The version that is written down for what an agent or an inventory says. */
export function written(said: string): string {
  const found = /^[vV]?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/.exec(said.trim());
  return found ? `${found[1]}.${found[2] ?? 0}.${found[3] ?? 0}${found[4] ?? ''}${found[5] ?? ''}` : UNREADABLE;
}

const numbers = (version: string): number[] | null =>
  version === UNREADABLE
    ? null
    : version
        .replace(/[+-].*/, '')
        .split('.')
        .map(Number);

/** Versions in their order; what cannot be read is below all. */
export function order(a: string, b: string): number {
  const [first, second] = [numbers(a), numbers(b)];
  if (!first || !second) return Number(first !== null) - Number(second !== null);
  for (const [place, value] of first.entries()) {
    const other = second[place] ?? 0;
    if (value !== other) return value - other;
  }
  return 0;
}

const lower = (a: string, b: string) => (order(b, a) < 0 ? b : a);
const higher = (a: string, b: string) => (order(b, a) > 0 ? b : a);
export const major = (version: string) => numbers(version)?.[0] ?? null;

type Tally = Map<string, number>;
const count = (into: Tally, key: string, by = 1) => into.set(key, (into.get(key) ?? 0) + by);
const sum = (tally: Tally) => [...tally.values()].reduce((all, each) => all + each, 0);
export const listed = (tally: Tally): string[] => [...tally].map(([key, agents]) => `${agents} at ${key}`).sort();

interface Seen {
  channel: string;
  version: string;
  at: number;
  /** Has it a token, or is it of an inventory? */
  proven: boolean;
  enrolled: boolean;
  expired: boolean;
}

interface Listed extends Seen {
  listedAt: number;
  scope: string;
}

interface Agent {
  inventory: Listed | null;
  checkIn: Seen | null;
  elsewhere: Map<string, number>;
  /** From where it went back by itself, and when it was last there. */
  wentBackFrom: { version: string; at: number } | null;
  /** The lowest version that it came forward from; and that from which it went back, if that was lately too. */
  low: { version: string; at: number; high: string | null } | null;
}

interface Reading {
  at: number;
  agents: number;
  versions: Tally;
  anonymous: Tally;
}

interface Survey {
  source: 'inventory' | 'teleport-metrics';
  about: string;
  scope: string;
  at: number;
  readAt: number;
  versions: Tally;
  readings: Reading[];
  failing: boolean;
  /** The lists of this moment, as they came. */
  pages?: string[];
}

interface Channel {
  plane: string | null;
  target: string | null;
  /** What was served before, and until when; the last entry is the newest. */
  served: Map<string, number>;
  last: string | null;
}

export interface Entry {
  id: string;
  said: string;
  group: string | null;
  /** Epoch milliseconds; null: the field is missing. */
  seen: number | null;
  expires: number | null;
}

export interface Listing {
  plane: string | null;
  channel: string;
  mode: 'proven' | 'partial' | 'complete';
  entries: Entry[];
  /** When the cluster's own server was seen; null: it is not in the list. */
  own: number | null;
}

export interface Verdict {
  allowed: boolean;
  agents: number;
  stranded: number;
  reasons: string[];
}

export const isId = (id: string) => /^[A-Za-z0-9._:-]{1,128}$/.test(id);

export class Paper {
  readonly channels = new Map<string, Channel>();
  readonly gone = new Map<string, Channel>();
  readonly planes = new Map<string, string>();
  readonly groups = new Map<string, string>();
  readonly agents = new Map<string, Agent>();
  surveys: Survey[] = [];
  private heard = new Map<string, number>();
  private stretches = new Map<string, { since: number; until: number }>();

  /** Epoch milliseconds. */
  now: number;
  readonly mode: 'open' | 'token';
  private readonly presumedFor: number;

  constructor(mode: 'open' | 'token', now: number, presumedFor: number) {
    this.mode = mode;
    this.now = now;
    this.presumedFor = presumedFor;
  }

  private agent(id: string): Agent {
    const known = this.agents.get(id);
    if (known) return known;
    const fresh: Agent = { inventory: null, checkIn: null, elsewhere: new Map(), wentBackFrom: null, low: null };
    this.agents.set(id, fresh);
    return fresh;
  }

  /** The sighting that says what an agent runs: of those that count the newest. */
  current({ inventory, checkIn }: Agent): Seen | null {
    const one = inventory?.expired ? null : inventory;
    const other = checkIn?.enrolled ? checkIn : null;
    if (!one || !other) return one ?? other;
    if (one.at !== other.at) return one.at > other.at ? one : other;
    return order(one.version, other.version) <= 0 ? one : other;
  }

  versionOf(agent: Agent): string | null {
    const current = this.current(agent);
    if (!current) return null;
    const said = current.proven || !agent.inventory || agent.inventory.expired ? null : agent.inventory.version;
    const { low } = agent;
    if (said === null) return low ? lower(current.version, low.version) : current.version;
    // What anybody could have sent does not raise what an inventory says, and does not make it unreadable.
    const own = current.version === UNREADABLE ? said : lower(said, current.version);
    return low && low.version !== UNREADABLE ? lower(own, low.version) : own;
  }

  /** The highest version that anything still says of an agent which counts at `version`. */
  private highestOf(agent: Agent, version: string): string {
    const current = this.current(agent);
    const isOpen = current !== null && !current.proven && agent.inventory !== null && !agent.inventory.expired;
    const said = [current?.version, isOpen ? agent.inventory?.version : null, agent.low?.high];
    return said.reduce<string>((highest, each) => (each ? higher(highest, each) : highest), version);
  }

  channelsOf({ inventory, checkIn, elsewhere }: Agent): string[] {
    const found = new Set<string>();
    if (inventory && !inventory.expired) found.add(inventory.channel);
    if (checkIn?.enrolled) for (const channel of [checkIn.channel, ...elsewhere.keys()]) found.add(channel);
    return [...found].sort();
  }

  private note(id: string, part: 'inventory' | 'checkIn', seen: Seen | Listed): void {
    const agent = this.agent(id);
    const known = agent[part];
    const isNews =
      !known || (known.enrolled === seen.enrolled ? seen.at >= Math.min(known.at, this.now) : seen.enrolled);
    if (!isNews) {
      if (part === 'checkIn' || !agent.inventory) return;
      const { listedAt, scope, channel } = seen as Listed;
      // A list of another cluster that is older says nothing about who lists the agent now.
      if (scope === agent.inventory.scope || channel === agent.inventory.channel)
        Object.assign(agent.inventory, { listedAt, scope });
      return;
    }
    // What had expired is back only if it was seen after it was last seen.
    if (known?.expired && known.at === seen.at) seen.expired = true;
    const before = this.current(agent);
    if (part === 'checkIn' && agent.checkIn?.enrolled && seen.enrolled && agent.checkIn.channel !== seen.channel) {
      agent.elsewhere.set(agent.checkIn.channel, agent.checkIn.at);
      agent.elsewhere.delete(seen.channel);
    }
    if (part === 'checkIn') agent.checkIn = seen;
    else agent.inventory = seen as Listed;
    if (part === 'checkIn' && seen.enrolled)
      this.heard.set(seen.channel, Math.max(seen.at, this.heard.get(seen.channel) ?? 0));
    const after = this.current(agent);
    if (before && after) this.compare(agent, before, after);
  }

  /** Did the agent go back, or forward again after that? */
  private compare(agent: Agent, before: Seen, after: Seen): void {
    const way = order(after.version, before.version);
    const vouched = after.proven || !agent.inventory || agent.inventory.expired;
    const isLate = (at: number) => after.at - at > TERMS.contested && vouched;
    const high = () => {
      const from = agent.wentBackFrom;
      return from && !isLate(from.at) ? from.version : null;
    };
    if (way < 0) {
      const target = this.channels.get(after.channel)?.target ?? null;
      const rolledBack = target !== null && order(target, before.version) < 0 && order(after.version, target) >= 0;
      if (agent.wentBackFrom === null && rolledBack) return;
      if (agent.wentBackFrom === null || order(agent.wentBackFrom.version, before.version) <= 0)
        agent.wentBackFrom = { version: before.version, at: before.at };
      if (agent.low) agent.low.high = high();
      return;
    }
    if (agent.low && isLate(agent.low.at)) agent.low = null;
    if (agent.low) agent.low.high = high();
    const said = before.proven || before.version !== UNREADABLE;
    const forward =
      way > 0 && said && agent.wentBackFrom !== null && order(before.version, agent.wentBackFrom.version) < 0;
    if (forward && (!agent.low || order(before.version, agent.low.version) <= 0)) {
      agent.low = { version: before.version, at: before.at, high: high() };
    }
    if (agent.wentBackFrom !== null && !agent.low && order(after.version, agent.wentBackFrom.version) >= 0)
      agent.wentBackFrom = null;
  }

  checkIn(id: string, channel: string, said: string, token: boolean, at: number): void {
    const proven = this.mode === 'token';
    const enrolled = this.mode === 'open' || token;
    this.note(id, 'checkIn', { channel, version: written(said), at, proven, enrolled, expired: false });
  }

  /**
   * Is it a whole list of a past moment of its own, as are its entries, about channels of which an inventory is
   * known? Another one is news.
   */
  repeats({ plane, channel, mode, entries, own }: Listing): boolean {
    const isPast = (at: number | null) => at !== null && at <= this.now;
    const isDated = entries.every(({ seen }) => isPast(seen)) && (own === null ? entries.length > 0 : isPast(own));
    const isAbout = ([name, each]: [string, Channel]) => (plane === null ? name === channel : each.plane === plane);
    const about = [...this.channels].filter(isAbout).map(([name]) => name);
    return mode !== 'partial' && isDated && about.every((name) => this.survey('inventory', name) !== undefined);
  }

  /** Returns the code of the refusal, or `done`. */
  import(list: Listing): string {
    const { plane, channel, mode, own } = list;
    const times = [...list.entries.map(({ seen }) => seen), own].filter((at) => at !== null);
    const moment = times.length > 0 ? Math.max(...times.map((at) => Math.min(at, this.now))) : this.now;
    if (!this.channels.has(channel)) return 'not_found';
    if (list.entries.length === 0 && own === null) return 'invalid';
    if (mode === 'proven' && own === null) return 'invalid';
    const surveyed =
      plane === null ? [channel] : [...this.channels].filter(([, each]) => each.plane === plane).map(([name]) => name);
    const scope = plane === null ? channel : `@${plane}`;
    const complete = mode !== 'partial';

    const once = new Map<string, Entry & { nameless: boolean }>();
    for (const [index, entry] of list.entries.entries()) {
      const nameless = !isId(entry.id);
      const key = nameless ? `nameless ${index}` : entry.id;
      const twin = once.get(key);
      const low =
        twin && order(twin.said === '' ? '' : written(twin.said), written(entry.said)) <= 0
          ? twin
          : { ...entry, nameless };
      if (!twin) {
        once.set(key, low);
        continue;
      }
      const latest = (a: number | null, b: number | null) => (a === null || b === null ? null : Math.max(a, b));
      once.set(key, { ...low, seen: latest(twin.seen, entry.seen), expires: latest(twin.expires, entry.expires) });
    }

    if (complete) {
      for (const about of surveyed) {
        const before = this.survey('inventory', about);
        if (before && moment < before.at && before.at <= this.now) return 'invalid';
      }
    }
    const spread = new Map<string, { agents: number; versions: Tally; anonymous: Tally }>();
    const on = (name: string) => {
      const known = spread.get(name) ?? { agents: 0, versions: new Map(), anonymous: new Map() };
      spread.set(name, known);
      return known;
    };
    const knownBefore = new Map([...this.channels.keys()].map((name) => [name, sum(this.known(name))]));
    for (const { id, said, group, seen, expires, nameless } of once.values()) {
      const goes = this.channelOf(group) ?? channel;
      const version = written(said);
      const expired = expires !== null && expires <= moment;
      const at = Math.min(seen ?? this.now, this.now);
      const sighting = { channel: goes, version, at, proven: true, enrolled: true, expired };
      if (!nameless) this.note(id, 'inventory', { ...sighting, listedAt: this.now, scope });
      if (expired) continue;
      on(goes).agents++;
      count(on(goes).versions, version);
      if (nameless) count(on(goes).anonymous, version);
    }
    if (!complete) return 'done';

    const rows = list.entries.map((entry) => JSON.stringify({ ...entry, said: written(entry.said) })).sort();
    const page = JSON.stringify([scope, own, rows]);
    const earlier = new Map(surveyed.map((about) => [about, this.survey('inventory', about)]));
    const pagesOf = (about: string) => (earlier.get(about)?.at === moment ? (earlier.get(about)?.pages ?? []) : []);
    const cameBefore = surveyed.every((about) => pagesOf(about).includes(page));
    const unsettled = new Set<string>();
    for (const about of surveyed) {
      const { agents, versions, anonymous } = on(about);
      const survey = this.read('inventory', about, scope, moment, versions, {
        at: moment,
        agents,
        versions,
        anonymous,
      });
      survey.pages = [...pagesOf(about), page];
      if (this.fall(survey)) unsettled.add(about);
    }
    for (const name of this.channels.keys()) {
      if (surveyed.includes(name)) continue;
      if (isFall(knownBefore.get(name) ?? 0, spread.get(name)?.agents ?? 0)) unsettled.add(name);
    }
    // The same list once more says nothing about agents that others listed since.
    if (cameBefore) return 'done';
    for (const [id, { inventory }] of this.agents) {
      // What a list tells about is over: an agent that was seen since is not gone.
      if (!inventory || inventory.at > moment) continue;
      if (inventory.listedAt >= this.now || unsettled.has(inventory.channel)) continue;
      const same = inventory.scope === scope;
      const other = plane === null ? `@${this.channels.get(channel)?.plane}` : inventory.channel;
      if (same || (surveyed.includes(inventory.channel) && inventory.scope === other)) this.unlist(id);
    }
    return 'done';
  }

  private unlist(id: string): void {
    const agent = this.agent(id);
    agent.inventory = null;
    this.tidy(id);
  }

  private tidy(id: string): void {
    const agent = this.agent(id);
    if (!agent.inventory && !agent.checkIn) this.agents.delete(id);
  }

  private channelOf(group: string | null): string | null {
    if (group === null) return null;
    for (const same of [
      (a: string, b: string) => a === b,
      (a: string, b: string) => a.toLowerCase() === b.toLowerCase(),
    ]) {
      const mapping = [...this.groups].find(([name, to]) => same(name, group) && this.channels.has(to));
      if (mapping) return mapping[1];
    }
    return [group, group.toLowerCase()].find((name) => this.channels.has(name)) ?? null;
  }

  survey(source: Survey['source'], about: string): Survey | undefined {
    return this.surveys.find((survey) => survey.source === source && survey.about === about);
  }

  private read(
    source: Survey['source'],
    about: string,
    scope: string,
    at: number,
    versions: Tally,
    reading: Reading,
  ): Survey {
    const before = this.survey(source, about);
    // What a clock that was ahead has dated is of now.
    const earlier = (before?.readings ?? []).map((each) => ({ ...each, at: Math.min(each.at, this.now) }));
    const readings = [...earlier, reading];
    const survey = { source, about, scope, at, readAt: this.now, versions, readings, failing: false };
    this.surveys = [...this.surveys.filter((each) => each !== before), survey];
    return survey;
  }

  /** The readings that count: the last one that is confirmed, and all after it. */
  private counting({ readings }: Survey): Reading[] {
    const last = readings.at(-1);
    if (!last) return [];
    const confirmed = readings.findLastIndex(({ at }) => at <= last.at - TERMS.settle);
    return readings.slice(Math.max(confirmed, 0));
  }

  fall(survey: Survey): { from: number; to: number } | null {
    const counting = this.counting(survey);
    const to = counting.at(-1)?.agents ?? 0;
    const from = Math.max(...counting.map(({ agents }) => agents));
    return isFall(from, to) ? { from, to } : null;
  }

  private peak(survey: Survey): Tally {
    return this.highest(this.counting(survey).map(({ anonymous }) => anonymous));
  }

  /** Metrics that show no agent, and have not gone on to say so for long enough: the agents may not be back yet. */
  private isEarly(survey: Survey): boolean {
    const counting = this.counting(survey);
    const [first, last] = [counting[0], counting.at(-1)];
    if (survey.source !== 'teleport-metrics' || !first || !last) return false;
    return counting.every(({ agents }) => agents === 0) && last.at - first.at < TERMS.settle;
  }

  /** What a channel served lately, each version once. */
  private servedLately({ served, target }: Channel): Set<string> {
    const recent = [...served].filter(([, until]) => this.now - until <= this.presumedFor).map(([each]) => each);
    return new Set(target === null ? recent : [...recent, target]);
  }

  /** Has the survey nobody too early, where somebody is presumed? */
  private contradicts(survey: Survey, channel: string): boolean {
    const own = this.channels.get(channel);
    return own !== undefined && this.servedLately(own).size > 0 && this.isEarly(survey);
  }

  /** Which fall a source shows of a channel: in its own figures, or below what the channel served. */
  settling(survey: Survey, channel: string): { from: number; to: number } | null {
    const own = this.channels.get(channel);
    if (own && this.contradicts(survey, channel)) return { from: this.servedLately(own).size, to: 0 };
    return this.fall(survey);
  }

  /** May the survey be the reason why nobody is presumed? */
  confirms(survey: Survey, channel: string): boolean {
    return this.isFresh(survey) && !this.contradicts(survey, channel);
  }

  /** What an inventory listed before it fell, as long as nobody has confirmed that. */
  private fallen(channel: string): Tally[] {
    const survey = this.survey('inventory', channel);
    if (!survey || !this.fall(survey)) return [];
    return [this.highest(this.counting(survey).map(({ versions }) => versions))];
  }

  /** `versions` is null where the page cannot be had, or proves nothing. */
  metrics(name: string, versions: Tally | null): void {
    const isPlane = this.planes.has(name) || [...this.channels.values()].some(({ plane }) => plane === name);
    const about = this.channels.has(name) ? name : isPlane ? `@${name}` : null;
    if (about === null) return;
    if (versions === null) {
      const survey = this.survey('teleport-metrics', about);
      if (survey) survey.failing = true;
      else this.surveys.push(neverRead(about));
      return;
    }
    const reading = { at: this.now, agents: sum(versions), versions, anonymous: versions };
    this.read('teleport-metrics', about, about, this.now, versions, reading);
  }

  sweep(): void {
    for (const [channel, newest] of this.heard) {
      const until = Math.min(newest, this.now);
      const before = this.stretches.get(channel);
      const goesOn = before && until - before.until <= TERMS.stale / 4;
      this.stretches.set(channel, {
        since: goesOn ? before.since : until,
        until: Math.max(until, before?.until ?? until),
      });
    }
    const bound = (channel: string) => {
      const stretch = this.stretches.get(channel);
      const last = stretch ? Math.min(stretch.until, this.now) : 0;
      return stretch && last - stretch.since >= TERMS.stale ? last - TERMS.stale : Number.NEGATIVE_INFINITY;
    };
    for (const [id, agent] of this.agents) {
      for (const [channel, at] of agent.elsewhere) if (at < bound(channel)) agent.elsewhere.delete(channel);
      const { checkIn } = agent;
      if (!checkIn) continue;
      if (!checkIn.enrolled) {
        if (checkIn.at < this.now - TERMS.stale) agent.checkIn = null;
      } else if (checkIn.at < bound(checkIn.channel)) {
        const [next] = [...agent.elsewhere].sort(([, a], [, b]) => b - a);
        agent.checkIn = next ? { ...checkIn, channel: next[0], at: next[1] } : null;
        if (next) agent.elsewhere.delete(next[0]);
      }
      this.tidy(id);
    }
  }

  /** Does anything that is known come from a clock that was ahead? */
  knowsTheFuture(): boolean {
    const seen = [...this.agents.values()].flatMap(({ inventory, checkIn, elsewhere }) => [
      ...(inventory ? [inventory.at] : []),
      ...(checkIn ? [checkIn.at] : []),
      ...elsewhere.values(),
    ]);
    return [...seen, ...this.surveys.map(({ at }) => at), ...this.heard.values()].some((at) => at > this.now);
  }

  forget(id: string): string {
    return this.agents.delete(id) ? 'done' : 'not_found';
  }

  forgetVersion(channel: string, version: string): string {
    if (!this.channels.has(channel)) return 'not_found';
    const ids = this.listing(channel, (each) => each === version);
    for (const id of ids) this.agents.delete(id);
    return ids.length > 0 ? 'done' : 'not_found';
  }

  private surveyOf(channel: string, source: Survey['source']): Survey | undefined {
    const plane = this.channels.get(channel)?.plane;
    const all = this.surveys.filter((survey) => survey.source === source && this.tells(survey, channel));
    const fallen = all.filter((survey) => this.fall(survey) !== null || this.isEarly(survey));
    for (const some of [fallen, all]) {
      const nearest = [channel, `@${plane}`].flatMap((about) => some.filter((survey) => survey.about === about));
      if (some.length > 0) return nearest[0] ?? some[0];
    }
    return undefined;
  }

  accept(channel: string, source: Survey['source']): string {
    const survey = this.channels.has(channel) ? this.surveyOf(channel, source) : undefined;
    if (!survey || (!this.fall(survey) && !this.isEarly(survey))) return 'not_found';
    // A person's word is as good as another reading that comes late enough.
    survey.readings = survey.readings.slice(-1).flatMap((last) => [{ ...last, at: last.at - TERMS.settle }, last]);
    if (source === 'inventory') this.drop(channel, survey.scope, survey.readAt, survey.at);
    return 'done';
  }

  forgetSource(channel: string, source: Survey['source']): string {
    const survey = this.channels.has(channel) ? this.surveyOf(channel, source) : undefined;
    if (!survey) return 'not_found';
    this.surveys = this.surveys.filter((each) => each !== survey);
    if (source === 'inventory') this.drop(channel, survey.scope, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    return 'done';
  }

  private drop(channel: string, scope: string, before: number, moment: number): void {
    for (const [id, { inventory }] of this.agents) {
      if (inventory && inventory.at > moment) continue;
      if (inventory?.channel === channel && inventory.scope === scope && inventory.listedAt < before) this.unlist(id);
    }
  }

  retarget(name: string, target: string | null): void {
    const channel = this.channels.get(name);
    if (!channel || channel.target === target) return;
    if (channel.target !== null) {
      channel.served.delete(channel.target);
      channel.served.set(channel.target, this.now);
    }
    channel.target = target;
    channel.last = target ?? channel.last;
  }

  /** Agents that count on the channel, by version. */
  known(channel: string): Tally {
    const tally: Tally = new Map();
    for (const agent of this.agents.values()) {
      const version = this.versionOf(agent);
      if (version !== null && this.channelsOf(agent).includes(channel)) count(tally, version);
    }
    const survey = this.survey('inventory', channel);
    if (survey) for (const [version, agents] of this.peak(survey)) count(tally, version, agents);
    return tally;
  }

  /** The same agents at the highest versions that they may run, and at unreadable ones, if any of them differs. */
  private raised(channel: string): Tally[] {
    const otherwise = (say: (agent: Agent, version: string) => string): Tally[] => {
      const tally = new Map(this.known(channel));
      let differs = false;
      for (const agent of this.agents.values()) {
        const version = this.versionOf(agent);
        if (version === null || !this.channelsOf(agent).includes(channel)) continue;
        const other = say(agent, version);
        differs ||= other !== version;
        count(tally, version, -1);
        count(tally, other);
      }
      return differs ? [new Map([...tally].filter(([, agents]) => agents > 0))] : [];
    };
    const unread = (agent: Agent) => this.current(agent)?.version === UNREADABLE;
    return [
      ...otherwise((agent, version) => this.highestOf(agent, version)),
      ...otherwise((agent, version) => (unread(agent) ? UNREADABLE : version)),
    ];
  }

  /** The lowest and the highest version of an agent, and an unreadable one; none where it does not count. */
  private versionsOf(agent: Agent): string[] {
    const version = this.versionOf(agent);
    if (version === null) return [];
    const unread = this.current(agent)?.version === UNREADABLE;
    return [version, this.highestOf(agent, version), ...(unread ? [UNREADABLE] : [])];
  }

  /** All versions that agents count at. */
  versions(): string[] {
    return [...new Set([...this.agents.values()].flatMap((agent) => this.versionsOf(agent)))].sort();
  }

  /** Agents of the channel that count at the version, be it their lowest or their highest. */
  at(channel: string, version: string): string[] {
    const found = [...this.agents].filter(
      ([, agent]) => this.channelsOf(agent).includes(channel) && this.versionsOf(agent).includes(version),
    );
    return found.map(([id]) => id).sort();
  }

  listing(channel: string, wanted: (version: string) => boolean): string[] {
    const found = [...this.agents].filter(([, agent]) => {
      const version = this.versionOf(agent);
      return version !== null && this.channelsOf(agent).includes(channel) && wanted(version);
    });
    return found.map(([id]) => id).sort();
  }

  remove(name: string): string {
    const channel = this.channels.get(name);
    if (!channel) return 'not_found';
    const own = this.survey('teleport-metrics', name);
    if (sum(this.known(name)) > 0 || (own && sum(this.peak(own)) > 0)) return 'channel_in_use';
    this.retarget(name, null);
    this.channels.delete(name);
    this.gone.set(name, channel);
    return 'done';
  }

  add(name: string, plane: string | null, target: string | null): void {
    const former = this.gone.get(name);
    this.gone.delete(name);
    this.channels.set(name, { plane, target, served: former?.served ?? new Map(), last: target });
  }

  private tells({ source, about }: Survey, channel: string): boolean {
    const plane = this.channels.get(channel)?.plane ?? null;
    if (about === channel) return true;
    if (plane === null || source === 'inventory') return false;
    return about === `@${plane}` || this.channels.get(about)?.plane === plane;
  }

  isFresh({ at }: Survey): boolean {
    return this.now - at <= TERMS.fresh && at - this.now <= MINUTE;
  }

  sources(channel: string): Survey[] {
    return this.surveys.filter((survey) => survey.readings.length > 0 && this.tells(survey, channel));
  }

  /** Rival counts of the channel's agents, as the gate must respect each of them. */
  headcounts(name: string): Tally[] {
    const channel = this.channels.get(name);
    if (!channel) return [];
    const sources = this.sources(name);
    const metrics = sources.filter(({ source }) => source === 'teleport-metrics').map((survey) => this.peak(survey));
    const rivals = [this.known(name), ...this.raised(name), ...metrics, ...this.fallen(name)].filter(
      ({ size }) => size > 0,
    );
    if (sources.some((survey) => this.confirms(survey, name))) return rivals;
    const presumed: Tally = new Map();
    for (const { checkIn } of this.agents.values()) {
      if (checkIn?.enrolled && checkIn.channel === name) count(presumed, checkIn.version);
    }
    for (const version of this.servedLately(channel)) count(presumed, version);
    return [...rivals, presumed];
  }

  private highest(tallies: Tally[]): Tally {
    const highest: Tally = new Map();
    for (const tally of tallies) {
      for (const [version, agents] of tally) highest.set(version, Math.max(agents, highest.get(version) ?? 0));
    }
    return highest;
  }

  census(name: string): string[] {
    const channel = this.headcountsOfSources(name);
    const highest = this.highest(channel);
    highest.delete(UNREADABLE);
    return listed(highest);
  }

  unreadable(name: string): number {
    return this.highest(this.headcountsOfSources(name)).get(UNREADABLE) ?? 0;
  }

  private headcountsOfSources(name: string): Tally[] {
    const metrics = this.sources(name).filter(({ source }) => source === 'teleport-metrics');
    return [
      this.known(name),
      ...this.raised(name),
      ...metrics.map((survey) => this.peak(survey)),
      ...this.fallen(name),
    ];
  }

  check(name: string, target: string): Verdict {
    const channel = this.channels.get(name);
    if (!channel) throw new Error(`no channel ${name}`);
    const present = channel.target ?? channel.last ?? [...channel.served.keys()].at(-1) ?? null;
    const to = major(target) ?? 0;
    const fault = (version: string): string | null => {
      const from = major(version);
      if (from === null) return present !== null && major(present) === to ? null : 'unknown_agent_version';
      if (to - from > 1) return 'agent_too_old';
      return from > to ? 'major_downgrade' : null;
    };
    const heads = this.headcounts(name);
    const reasons: string[] = [];
    for (const [version, agents] of this.highest(heads)) {
      const why = fault(version);
      if (why) reasons.push(`${why}: ${agents} at ${version}`);
    }
    const plane = channel.plane === null ? undefined : this.planes.get(channel.plane);
    const [runs] = [plane === undefined ? null : major(plane)];
    const barred = runs !== null && (to > runs || runs - to > 1);
    if (runs !== null && to > runs) reasons.push('target_ahead_of_control_plane');
    if (runs !== null && runs - to > 1) reasons.push('target_behind_control_plane');
    const stranded = heads.map((tally) => {
      return sum(new Map([...tally].filter(([version]) => barred || fault(version) !== null)));
    });
    return {
      allowed: reasons.length === 0,
      agents: Math.max(0, ...heads.map(sum)),
      stranded: Math.max(0, ...stranded),
      reasons: reasons.sort(),
    };
  }

  checkPlane(name: string, version: string): Verdict {
    const runs = major(this.planes.get(name) ?? '') ?? 0;
    const to = major(version) ?? 0;
    const reasons: string[] = [];
    let [agents, stranded] = [0, 0];
    if (to < runs) reasons.push('control_plane_major_downgrade');
    if (to - runs > 1) reasons.push('control_plane_skips_major');
    const cutOff = (agent: string) => {
      const from = major(agent);
      return from === null ? to !== runs : to - from > 1 || from > to;
    };
    for (const [channel, { plane, target, served }] of this.channels) {
      if (plane !== name) continue;
      const heads = this.headcounts(channel);
      for (const [each, number] of this.highest(heads)) {
        const from = major(each);
        if (!cutOff(each)) continue;
        const why = from === null ? 'unknown_agent_version' : from > to ? 'agent_too_new' : 'agent_too_old';
        reasons.push(`${why} ${channel}: ${number} at ${each}`);
      }
      const serves = target === null ? null : (major(target) ?? 0);
      if (serves !== null && serves > to) reasons.push(`target_ahead_of_control_plane ${channel}`);
      if (serves !== null && to - serves > 1) reasons.push(`target_behind_control_plane ${channel}`);
      for (const [former, until] of served) {
        if (this.now - until < TERMS.grace && cutOff(former)) reasons.push(`recently_served ${channel}: ${former}`);
      }
      agents += Math.max(0, ...heads.map(sum));
      stranded += Math.max(0, ...heads.map((tally) => sum(new Map([...tally].filter(([each]) => cutOff(each))))));
    }
    return { allowed: reasons.length === 0, agents, stranded, reasons: reasons.sort() };
  }
}

/** Metrics that failed from the start: they can be forgotten, and say nothing. */
const neverRead = (about: string): Survey => {
  const never = { at: Number.NEGATIVE_INFINITY, readAt: Number.NEGATIVE_INFINITY };
  return {
    source: 'teleport-metrics',
    about,
    scope: about,
    ...never,
    versions: new Map(),
    readings: [],
    failing: true,
  };
};

/** Clearly fewer: more than a fifth and more than 5 agents, or nobody where there was somebody. */
function isFall(from: number, to: number): boolean {
  return to < from && (to === 0 || (from - to > 5 && from - to > from / 5));
}
