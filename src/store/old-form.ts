import { type Sighting, type SightingSource, UPDATER_KINDS } from '../domain/agent.ts';
import { agentVersion, UNREADABLE } from '../domain/agent-version.ts';
import type { Survey, SurveySource } from '../domain/survey.ts';

/** A survey as releases before the fleet's evidence stored it. */
export interface OldSurvey {
  channel: string;
  source: SurveySource;
  at: number;
  versions: Record<string, number>;
  /** Agents whose version could not be read, not part of `versions`. */
  skipped: number;
}

/** The survey that such a release stored. Its one reading is all that is known of those before. */
export function surveyOfOldForm({ channel, source, at, versions: readable, skipped }: OldSurvey): Survey {
  const versions = skipped > 0 ? { ...readable, [UNREADABLE]: skipped } : readable;
  const agents = Object.values(versions).reduce((sum, count) => sum + count, 0);
  return {
    channel,
    source,
    at,
    readAt: at,
    scope: channel,
    complete: true,
    versions,
    unmanaged: {},
    expired: 0,
    unmappedGroups: {},
    readings: [{ from: at, until: at, agents, anonymous: source === 'teleport-metrics' ? versions : {} }],
    failing: null,
    revision: 0,
  };
}

/** What stood before the channel of an old check-in that is not enrolled. */
const OLD_STRANGER = '!';

/**
 * The sighting that such a release packed as `channel version at updater updaterVersion group`, or null if this is
 * none. Whether an agent of an open server was who it said is not known, so it is taken for proven, as it was then.
 */
export function sightingOfOldForm(id: string, source: SightingSource, packed: string): Sighting | null {
  const [place = '', version = '', time = '', updater = '', updaterVersion = '', group = ''] = packed.split(' ');
  const enrolled = !place.startsWith(OLD_STRANGER);
  const channel = enrolled ? place : place.slice(OLD_STRANGER.length);
  const at = Number.parseInt(time, 36);
  if (!channel || agentVersion(version) === null || Number.isNaN(at)) return null;
  return {
    id,
    channel,
    version,
    at,
    updater: UPDATER_KINDS.find((kind) => updater !== '' && kind.startsWith(updater)) ?? null,
    updaterVersion: updaterVersion === '=' ? version : updaterVersion || null,
    group: group || null,
    enrolled,
    proven: true,
    updaterState: null,
    host: null,
    listing: source === 'inventory' ? { at, scope: channel } : null,
    expired: false,
  };
}
