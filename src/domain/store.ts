import type { Agent, Sighting, SightingSource } from './agent.ts';
import type { AuditDraft, AuditEntry, AuditHead } from './audit.ts';
import type { FleetCounts, Survey } from './census.ts';
import type { Replication } from './replication.ts';
import type { Point, Resolution } from './series.ts';

/**
 * Keys of control data: `channel/NAME`, `release/VERSION`, `promotion/VERSION`, `control-plane/NAME`, `sign-offs/github`.
 * A document's revision is the global revision that wrote it.
 */
export interface Document {
  key: string;
  revision: number;
  value: object;
}

/** All control data at one revision; 0 and empty before the first commit. */
export interface ControlState {
  revision: number;
  /** Of the audit entry that made the revision; null where that is not known. */
  hash: string | null;
  documents: Document[];
}

/** `ifRevision` is the revision the writer saw, 0 for a key that must not exist; a null `value` deletes. */
export interface Write {
  key: string;
  ifRevision: number;
  value: object | null;
}

/** A document that must be as the writer saw it, though he does not write it: what he decided by. */
export type Guard = Pick<Write, 'key' | 'ifRevision'>;

export interface Change {
  writes: Write[];
  /** Checked along with the writes, and neither written nor indexed. */
  guards?: readonly Guard[] | undefined;
  audit: AuditDraft;
  /** The head of the log that the change was decided by; nothing is committed to a log that does not hold it. */
  base?: AuditHead | undefined;
  /** Of background work: the fence that its lease came with. Nothing is committed once the lease is another's, or over. */
  fence?: number | undefined;
}

/** The entry of the committed change, with `short` where fewer replicas have it than are wanted; or the written or guarded key whose revision was another, or word that the fence has fallen, or that the log has lost the base. */
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
 * What check-ins may fill a store with. Each shard of a store has its share, so some may be refused a little earlier.
 * Besides, a channel's distinct versions and groups are bounded: a check-in with one version too many is refused, and a
 * group too many is kept as `other`.
 */
export interface FleetLimits {
  agents: number;
  /** Agents that are seen and not enrolled. */
  unenrolled: number;
}

/** The group of agents whose own group is one too many to count. */
export const OTHER_GROUP = 'other';

export interface PruneQuery {
  /** Forget sightings older than this (epoch milliseconds). */
  before: number;
  /** Only this channel's inventory, instead of everything. */
  inventoryOf?: string | undefined;
}

/** The control data, and the log of the changes that made it. */
export interface ControlLog {
  load(): Promise<ControlState>;
  /** The global revision; grows by one with each commit. */
  revision(): Promise<number>;
  /** Is this the head of the log, or on the way to it? A store that lost commits, or took others instead, says no. */
  holds(head: AuditHead): Promise<boolean>;
  /** Applies all writes and appends the audit entry, or nothing. Durable once it answers. */
  commit(change: Change): Promise<CommitResult>;
  /** How many replicas have all that was committed, by now. */
  replication(): Promise<Replication>;
  /** Calls back when another process may have committed. */
  onChange(listener: () => void): void;
  /** Newest first. */
  audit(query: AuditQuery): Promise<AuditEntry[]>;
}

/** The lease on background work, so that one server at a time does it. */
export interface Lease {
  /**
   * Takes the lease on background work, or holds on to it, for so many milliseconds. Returns its fence, which is higher
   * for each new holder, or null while another process holds it. Nobody else can use the embedded store, so there
   * whoever asks last gets it, and a restart need not wait for its predecessor's lease to end.
   */
  acquireLease(holder: string, forMs: number): Promise<number | null>;
  /** Gives the lease back, if `holder` has it. */
  releaseLease(holder: string): Promise<void>;
}

/** The agents: what each source reports of them, and how many there are. */
export interface FleetRecords {
  counts(): Promise<FleetCounts>;
  /** Keeps the figures unless newer ones of that channel and source are there, or the fence, if given, has fallen. */
  saveSurvey(survey: Survey, fence?: number): Promise<void>;
  /**
   * Keeps each sighting unless the source has a newer one of that agent; one that is not enrolled never takes the place
   * of one that is. Check-ins are kept within `FleetLimits`. Atomic for each agent, not for the batch. Returns how many
   * it refused for the limits. A large batch is written in pieces, spread over `within` milliseconds: what is written at a
   * stretch is a stretch in which no poll is answered.
   */
  recordSightings(source: SightingSource, sightings: Sighting[], within?: number): Promise<number>;
  /** Forgets old sightings. Atomic for each agent. Returns how many it forgot. */
  prune(query: PruneQuery): Promise<number>;
  agents(query: AgentQuery): Promise<AgentPage>;
  agent(id: string): Promise<Agent | null>;
  /** Returns whether it knew the agent. */
  forget(id: string): Promise<boolean>;
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

/** Keeps the last state on this machine, for a start while the store is away. */
export interface SavedState {
  read(): ControlState | null;
  /** Never rejects: a full disk must not stop anything. */
  write(state: ControlState): Promise<void>;
}
