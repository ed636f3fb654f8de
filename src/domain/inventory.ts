import { isAgentId, isUpdaterKind, type UpdaterKind, type UpdaterState } from './agent.ts';
import { readAgentVersion, UNREADABLE } from './agent-version.ts';
import { parseVersion } from './version.ts';

/** An instance of `tctl inventory ls --format=json`, as far as Fairway reads it. */
export interface Instance {
  /** Null where it cannot be kept: then the instance counts by its version alone. */
  id: string | null;
  /** The id as it came, for people. */
  name: string | null;
  /** As `readAgentVersion` gives it. */
  version: string;
  /** Does it upgrade automatically? It does where it names an external upgrader or carries a v2 updater's report. */
  enrolled: boolean;
  /** One of the cluster's own servers, which every complete inventory holds. */
  own: boolean;
  updater: UpdaterKind | null;
  updaterVersion: string | null;
  updaterState: UpdaterState | null;
  /** The error code of an updater that is failing; left out where it reports none, or no number. */
  updaterError?: number;
  /** The id by which a v2 updater asks; left out where it is not reported. */
  updateId?: string;
  /** The group of a v2 updater, as the updater spells it. */
  group: string | null;
  host: string | null;
  /** By the instance's own time, epoch milliseconds; null where that is missing or unreadable. */
  lastSeen: number | null;
  expires: number | null;
}

/**
 * What an entry of an inventory is: an instance, a resource of another kind, or something that says nothing of an
 * agent. An entry without `metadata` has no name, and is odd as well as an instance. One with a name and without `spec`
 * is an enrolled agent whose version cannot be read.
 */
export type Entry =
  | { is: 'instance'; instance: Instance; odd: boolean }
  | { is: 'other'; kind: string | null; instance: Instance | null }
  | { is: 'odd' };

/** Reads one entry. Every field may be missing, null or of another type; what cannot be read is left out. */
export function readInstance(value: unknown): Entry {
  const entry = asRecord(value);
  if (!entry) return { is: 'odd' };
  const [metadata, spec] = [asRecord(entry.metadata), asRecord(entry.spec)];
  const { kind } = entry;
  if (kind !== undefined && kind !== null && kind !== 'instance') {
    return { is: 'other', kind: asText(kind) ?? 'of another type', instance: null };
  }
  const name = asText(metadata?.name);
  if (!spec) {
    // It is listed, so it is not gone; nothing says that it is not enrolled either.
    if (kind !== 'instance' || name === null) return { is: 'odd' };
    return { is: 'instance', instance: { ...readSpec(name, metadata, {}), enrolled: true }, odd: false };
  }
  const instance = readSpec(name, metadata, spec);
  if (kind !== 'instance') return { is: 'other', kind: null, instance };
  return { is: 'instance', instance, odd: !metadata };
}

function readSpec(name: string | null, metadata: Fields | null, spec: Fields): Instance {
  const report = spec.updater_info || spec.UpdaterInfo || null;
  const updater = asRecord(report);
  const upgrader = [spec.ext_upgrader, spec.external_upgrader].find((each) => each && each !== 'none') ?? null;
  const version = asText(spec.version);
  return {
    id: name !== null && isAgentId(name) ? name : null,
    name,
    version: version === null ? UNREADABLE : readAgentVersion(version),
    // Something is said in one of these fields, even where its type is another.
    enrolled: report !== null || upgrader !== null,
    own: isOwn(spec.services),
    updater: typeof upgrader === 'string' && isUpdaterKind(upgrader) ? upgrader : report === null ? null : 'binary',
    updaterVersion: parseVersion(asText(spec.ext_upgrader_version) ?? '')?.text ?? null,
    ...readUpdater(updater?.updater_status ?? updater?.UpdaterStatus, updater?.error_code ?? updater?.ErrorCode),
    ...readUpdateId(updater?.update_uuid ?? updater?.UpdateUUID),
    group: asText(updater?.update_group) ?? asText(updater?.UpdateGroup),
    host: readHost(spec.hostname),
    lastSeen: readTime(spec.last_seen),
    expires: readTime(metadata?.expires),
  };
}

/** Teleport's `UpdaterStatus`, by number; 0 is unspecified. */
const UPDATER_STATUS: readonly (UpdaterState | null)[] = [null, 'ok', 'disabled', 'pinned', 'unreadable'];

/**
 * An updater that ended its last update with an error goes on to report the status OK; the error is a number whose bits
 * say what went wrong, 0 for nothing. What an updater that must not move went through does not matter.
 */
function readUpdater(status: unknown, error: unknown): Pick<Instance, 'updaterState' | 'updaterError'> {
  const state = readUpdaterState(status);
  const code = typeof error === 'string' && /^\d+$/.test(error) ? Number(error) : error;
  const isError = typeof code === 'number' ? code !== 0 : asText(code) !== null;
  if (!isError || (state !== 'ok' && state !== null)) return { updaterState: state };
  const fits = Number.isInteger(code) && (code as number) > 0 && (code as number) < 2 ** 32;
  return { updaterState: 'failing', ...(fits ? { updaterError: code as number } : {}) };
}

/** A number, or a name with or without its prefix: 3, `PINNED`, `UPDATER_STATUS_PINNED`. */
function readUpdaterState(status: unknown): UpdaterState | null {
  if (typeof status === 'number') return UPDATER_STATUS[status] ?? null;
  const name = asText(status)
    ?.toLowerCase()
    .replace(/^updater_status_/, '');
  return UPDATER_STATUS.find((state) => state === name) ?? UPDATER_STATUS[Number(name)] ?? null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A UUID as text, or its 16 bytes in base64, as Go writes them without JSON names. */
function readUpdateId(value: unknown): Pick<Instance, 'updateId'> {
  const text = asText(value) ?? '';
  if (UUID.test(text.toLowerCase())) return { updateId: text.toLowerCase() };
  if (!/^[A-Za-z0-9+/]{22}==$/.test(text)) return {};
  const hex = Buffer.from(text, 'base64').toString('hex');
  return { updateId: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') };
}

/** Services of the control plane, in lower case. */
const OWN_SERVICES = new Set(['auth', 'proxy']);

const isOwn = (services: unknown): boolean =>
  Array.isArray(services) && services.some((service) => OWN_SERVICES.has(asText(service)?.toLowerCase() ?? ''));

/** The longest name that DNS has. */
const HOST = /^[^\p{Cc}]{1,253}$/u;

function readHost(hostname: unknown): string | null {
  const host = asText(hostname)?.trim();
  return host !== undefined && HOST.test(host) ? host : null;
}

/** RFC 3339 as epoch milliseconds. Go's zero time, the year 1, says that there is none. */
function readTime(time: unknown): number | null {
  const at = typeof time === 'string' && /^\d{4}-\d\d-\d\dT/.test(time) ? Date.parse(time) : Number.NaN;
  return at > 0 ? at : null;
}

type Fields = Record<string, unknown>;

const asRecord = (value: unknown): Fields | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;

const asText = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
