/** How an agent upgrades itself (`Updater-Kind`, `ext_upgrader`). */
export const UPDATER_KINDS = ['unit', 'kube', 'binary'] as const;
export type UpdaterKind = (typeof UPDATER_KINDS)[number];

/** Sources that name single agents. */
export const SIGHTING_SOURCES = ['inventory', 'check-ins'] as const;
export type SightingSource = (typeof SIGHTING_SOURCES)[number];

/** What one source last said of one agent. A source has at most one sighting of an agent, the newest. */
export interface Sighting {
  /** Stable unique id, a UUID in practice. */
  id: string;
  channel: string;
  /** Canonical, without `v`. */
  version: string;
  /** Epoch milliseconds: the poll's, or the import's for an inventory. */
  at: number;
  updater: UpdaterKind | null;
  updaterVersion: string | null;
  group: string | null;
  /** False for a check-in that brought no enrolment token where one is asked for: it is seen, and counts for nothing. */
  enrolled: boolean;
}

/** An agent as its sources see it, enrolled sightings before others, then the newest first. */
export interface Agent {
  id: string;
  sightings: (Sighting & { source: SightingSource })[];
}

const AGENT_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const GROUP = /^[A-Za-z0-9._:-]{1,64}$/;

export const isAgentId = (text: string): boolean => AGENT_ID.test(text);
export const isGroup = (text: string): boolean => GROUP.test(text);
export const isUpdaterKind = (text: string): text is UpdaterKind => (UPDATER_KINDS as readonly string[]).includes(text);
