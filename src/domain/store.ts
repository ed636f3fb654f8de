import type { Agent, AgentMark, Sighting, SightingSource } from './agent.ts';
import type { AuditDraft, AuditEntry, AuditHead } from './audit.ts';
import type { FleetCounts, UncountedLine } from './fleet-counts.ts';
import type { Replication } from './replication.ts';
import type { Point, Resolution } from './series.ts';
import type { Survey } from './survey.ts';

/**
 * Keys of control data: `channel/NAME`, `release/VERSION`, `promotion/VERSION`, `control-plane/NAME`,
 * `sign-offs/github`, `branches/cut`, `freezes/all`, `retired/NAME`, `retired-control-plane/NAME`. A document's
 * revision is the global revision that wrote it.
 */
export interface Document {
  key: string;
  revision: number;
  value: object;
}

/** All control data at one revision; 0 and empty before the first commit. */
export interface ControlState {
  revision: number;
  /** The hash of the audit entry that made the revision; null if it is not known. */
  hash: string | null;
  documents: Document[];
  /** Documents that cannot be served; left out if there are none. */
  bad?: BadDocument[];
}

/** What turns one state into a later one of the same history. */
export interface Difference {
  revision: number;
  hash: string | null;
  /** Those that are new or other than before. */
  documents: Document[];
  /** The keys of those that are not there any more. */
  gone: string[];
  /** Those that cannot be served; left out if there are none. */
  bad?: BadDocument[];
}

/** A document of the store that cannot be served. */
export interface BadDocument {
  key: string;
  /** The stored one, which the next change must name; 0 if it cannot be read. */
  revision: number;
  /** What is wrong with it. */
  fault: string;
}

/** `ifRevision` is the revision the writer saw, 0 for a key that must not exist; a null `value` deletes. */
export interface Write {
  key: string;
  ifRevision: number;
  value: object | null;
}

/** A document the change depends on but does not write; the commit fails if it has changed. */
export type Guard = Pick<Write, 'key' | 'ifRevision'>;

export interface Change {
  writes: Write[];
  /** Checked along with the writes, and neither written nor indexed. */
  guards?: readonly Guard[] | undefined;
  audit: AuditDraft;
  /** The head of the log that the change was decided by; nothing is committed to a log that does not hold it. */
  base?: AuditHead | undefined;
  /**
   * The fence of the lease, for background work. Nothing is committed once another server has the lease or it is over.
   */
  fence?: number | undefined;
}

/**
 * The entry of the committed change, with `short` where fewer replicas have it than are wanted; or the written or
 * guarded key whose revision was another, or word that the fence has fallen, or that the log has lost the base.
 */
export type CommitResult =
  | { entry: AuditEntry; short?: Replication }
  | { conflict: string }
  | { fenced: true }
  | { lost: true };

export interface AuditQuery {
  /** Only entries of changes that wrote this key. */
  key?: string | undefined;
  /** Only entries with a lower id. */
  before?: number | undefined;
  limit: number;
}

export interface AgentQuery {
  channel?: string | undefined;
  /** Canonical version that some source reports. */
  version?: string | undefined;
  /** Only agents of which some source reports a lower version. */
  olderThan?: string | undefined;
  group?: string | undefined;
  /** Part of the host's name, in any case. */
  host?: string | undefined;
  mark?: AgentMark | undefined;
  source?: SightingSource | undefined;
  enrolled?: boolean | undefined;
  /** Epoch milliseconds, left out. */
  seenBefore?: number | undefined;
  /** Epoch milliseconds, included. */
  seenSince?: number | undefined;
  limit: number;
  /** Opaque; from the page before. */
  cursor?: string | undefined;
}

/** A page may hold fewer agents than asked for and yet have a successor. */
export interface AgentPage {
  agents: Agent[];
  cursor: string | null;
}

/**
 * What check-ins may fill a store with. Each shard of a store has its share, so some may be refused a little earlier;
 * the release lines of those that are refused are remembered (`FleetCounts.uncounted`). Each channel has its own bound of
 * distinct versions and groups: an agent with one version too many is kept at its release line, one with a group too
 * many in the group `other`.
 */
export interface FleetLimits {
  agents: number;
  /** Agents that are seen and not enrolled. */
  unenrolled: number;
}

/** The group of agents whose own group is one too many to count. */
export const OTHER_GROUP = 'other';

export interface PruneQuery {
  /**
   * Forget check-ins on these channels, and times of uncounted ones, that are older than this; epoch milliseconds. Those
   * of other channels stay.
   */
  checkIns?: ReadonlyMap<string, number> | undefined;
  /** Forget sightings that are not enrolled and older than this. */
  unenrolledBefore?: number | undefined;
  /**
   * Forget what inventories of `scope` listed before `before` (the import's time) and not since, unless an agent was
   * seen after `seenUntil`, the moment of the inventory that says that it is gone; only on the channel `only`, if
   * given, and never on those of `except`, whose fall has not settled.
   */
  unlisted?:
    | {
        scope: string;
        before: number;
        seenUntil?: number | undefined;
        only?: string | undefined;
        except?: ReadonlySet<string> | undefined;
      }
    | undefined;
}

/** Since when a channel's agents have been heard without a gap; epoch milliseconds. */
export interface Hearing {
  since: number;
  /** The newest check-in that was seen there. */
  until: number;
}

/** What sightings are recorded by; see `Recording`. */
export interface RecordingOptions {
  now: number;
  contestedFor: number;
  /** The version that each channel serves; channels without a target are left out. */
  targets: ReadonlyMap<string, string>;
  /** Milliseconds over which a large batch is spread. */
  within?: number | undefined;
}

/** The control data, and the log of the changes that made it. */
export interface ControlLog {
  load(): Promise<ControlState>;
  /** The global revision; grows by one with each commit. */
  revision(): Promise<number>;
  /**
   * What was written after `head`, and in any case the documents under `keys`, as of one moment. Answers `lost` if
   * `head` is neither the head of the log nor on the way to it: a store that lost commits, or took others instead; and
   * `all` if so much was written, or so long ago, that everything must be loaded.
   */
  since(head: AuditHead, keys: readonly string[]): Promise<Difference | 'lost' | 'all'>;
  /** Applies all writes and appends the audit entry, or nothing. Durable once it answers. */
  commit(change: Change): Promise<CommitResult>;
  /**
   * Fills a log that lacks its newest entries up to its head, with entries that stand for damaged ones, so that changes
   * can be appended again. Returns how many were missing.
   */
  mendLog(): Promise<number>;
  /** Rejects with `store_unavailable` if the store would refuse a change. */
  probe(): Promise<void>;
  /** How many replicas have everything that was committed. */
  replication(): Promise<Replication>;
  /** Calls back when another process may have committed. */
  onChange(listener: () => void): void;
  /** Newest first, without archived entries. */
  audit(query: AuditQuery): Promise<AuditEntry[]>;
  /** The documents under these keys as they are stored, in any order; at most some hundred keys. */
  documents(keys: readonly string[]): Promise<Pick<ControlState, 'documents' | 'bad'>>;
  /** The newest archived entry, which the log goes on from; `GENESIS` if none is archived. */
  anchor(): Promise<AuditHead>;
  /**
   * Replaces the entries that follow `anchor` by their hashes, so that `since` still knows them, and makes the last one
   * the anchor. Returns false, and changes nothing, if `anchor` is not the anchor; at most some hundred entries.
   */
  archive(anchor: AuditHead, entries: readonly AuditEntry[]): Promise<boolean>;
  /** Asks all servers to compare what they serve with the store. Returns false where there can be no other server. */
  rouse(): Promise<boolean>;
  /** Says for so many milliseconds that a server serves `head`, which the store does not hold. */
  announce(head: AuditHead, forMs: number): Promise<void>;
  /** The head that was announced last; null if there is none. */
  announced(): Promise<AuditHead | null>;
}

/** The lease on background work, so that one server at a time does it. */
export interface Lease {
  /**
   * Takes the lease on background work, or holds on to it, for so many milliseconds. Returns its fence, which is higher
   * for each new holder, or null while another process holds it. No other process can use the embedded store, so there
   * the last caller gets it, and a restart does not wait for its predecessor's lease to end.
   */
  acquireLease(holder: string, forMs: number): Promise<number | null>;
  /** Gives the lease back, if `holder` has it. */
  releaseLease(holder: string): Promise<void>;
}

/** The agents: what each source reports of them, and how many there are. */
export interface FleetRecords {
  /** The store's own time, which is the reference for all servers; epoch milliseconds. */
  time(): Promise<number>;
  /**
   * All that was recorded before the call is in it, unless a reading of the last `within` milliseconds is enough: then
   * only what this process recorded is. A reading never changes.
   */
  counts(within?: number): Promise<FleetCounts>;
  /**
   * Keeps the survey in place of the one that has its revision, and raises that by one. Returns false, and changes
   * nothing, if another revision is there or the fence, if given, has fallen.
   */
  saveSurvey(survey: Survey, fence?: number): Promise<boolean>;
  /** Forgets what a source said of a channel. Returns whether it had said anything. */
  dropSurvey(channel: string, source: Survey['source']): Promise<boolean>;
  /**
   * Records each sighting as `recordSighting` says. Check-ins are kept within `FleetLimits`. Atomic for each agent, not
   * for the batch, and in the order given where an agent is in it twice. Returns how many it refused. A large batch is
   * written in pieces: what is written at a stretch is a stretch in which no poll is answered.
   */
  recordSightings(source: SightingSource, sightings: readonly Sighting[], options: RecordingOptions): Promise<number>;
  /** Remembers check-ins that were dropped. A store that is full of counters remembers their channel alone. */
  noteUncounted(lines: readonly UncountedLine[]): Promise<void>;
  /** Forgets a line of a channel that was not counted. */
  forgetUncounted(channel: string, line: string): Promise<void>;
  /** Forgets old sightings. Atomic for each agent. Returns how many it forgot. */
  prune(query: PruneQuery): Promise<number>;
  agents(query: AgentQuery): Promise<AgentPage>;
  agent(id: string): Promise<Agent | null>;
  /** Returns whether it knew the agent. */
  forget(id: string): Promise<boolean>;
  /** By channel. */
  hearing(): Promise<ReadonlyMap<string, Hearing>>;
  /** Replaces it as a whole, unless the fence has fallen. */
  saveHearing(hearing: ReadonlyMap<string, Hearing>, fence: number): Promise<void>;
}

/** Each channel's agents over time. */
export interface SeriesRecords {
  /** Adds a point to every series of its channel whose time for one has come, unless the fence has fallen. */
  savePoint(channel: string, point: Point, fence: number): Promise<void>;
  /** Oldest first. */
  series(channel: string, resolution: Resolution): Promise<Point[]>;
}

/**
 * Where Fairway keeps its state. Every verb is atomic unless it says otherwise, and rejects with `store_unavailable`
 * when the store cannot be reached or does not answer within its deadline.
 */
export interface Store extends ControlLog, Lease, FleetRecords, SeriesRecords {
  readonly kind: 'redis' | 'embedded';
  close(): Promise<void>;
}
