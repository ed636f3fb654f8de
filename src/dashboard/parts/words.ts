import type { AgentMark } from '../../domain/agent.ts';
import type { AuditEntry } from '../../domain/audit.ts';
import type { EvidenceSource } from '../../domain/census.ts';
import type { Standing } from '../../domain/distance.ts';
import { clearsCritical } from '../../domain/words.ts';

/** `97 %`; 100 % and 0 % only if it is exactly all or none. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const share = (part / whole) * 100;
  if (share > 99 && share < 100) return '> 99 %';
  if (share > 0 && share < 1) return '< 1 %';
  return `${Math.round(share)} %`;
}

export const STANDING_WORDS: Record<Standing, string> = {
  ahead: 'ahead',
  atTarget: 'at target',
  behind: 'behind',
  majorBehind: 'a major or more behind',
  outOfSupport: 'out of support',
  cutOff: 'cut off by the control plane',
};

/** A word of the API as people write it: `agent_too_old`, `awaiting-control-plane` and `controlPlane` with spaces. */
export const spaced = (word: string): string =>
  word.replace(/[_-]/g, ' ').replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export const SOURCE_WORDS: Record<EvidenceSource, string> = {
  inventory: 'inventory',
  'teleport-metrics': 'Teleport metrics',
  'check-ins': 'check-ins',
  presumed: 'presumed',
};

/** The actions of the audit log in words that go with their subject. */
const ACTIONS: Record<string, string> = {
  'roll-forward': 'rolled forward',
  'roll-back': 'rolled back',
  pin: 'pinned',
  unpin: 'unpinned',
  critical: 'marked critical',
  withdraw: 'withdrawn',
  'cancel-plan': 'plan cancelled',
  release: 'let go',
  create: 'created',
  settings: 'settings changed',
  delete: 'deleted',
  report: 'version reported',
  'note-failure': 'source fails',
  'import-releases': 'releases imported',
  'cut-branch': 'branch cut',
  'forget-releases': 'old releases forgotten',
  'restore-releases': 'releases restored',
  'forget-deleted': 'deleted names forgotten',
  apply: 'document applied',
  'import-inventory': 'inventory imported',
  'accept-evidence': 'fall accepted',
  'forget-evidence': 'source forgotten',
  'forget-version': 'agents of a version forgotten',
  'forget-agent': 'agent forgotten',
  'reroute-plan': 'plan rerouted',
  schedule: 'change scheduled',
  unschedule: 'scheduled change cancelled',
  'schedule-refused': 'scheduled change refused',
  'schedule-missed': 'scheduled change missed',
  'acknowledge-schedule': 'scheduled change acknowledged',
  freeze: 'all channels frozen',
  unfreeze: 'freeze ended',
  halt: 'halted',
  watch: 'watched from now on',
  tell: 'control planes told',
  'rollout-begin': 'group began with its canaries',
  'rollout-skip-canaries': 'group began',
  'rollout-widen': 'next wave of a group',
  'rollout-finish': 'group done',
  'rollout-start': 'group started by hand',
  'rollout-done': 'group ended by hand',
  'rollout-roll-back': 'rollout rolled back',
  'rollout-pause': 'rollout paused',
  'rollout-resume': 'rollout resumed',
  'rollout-reset': 'rollout reset',
};

export const actionWords = (entry: Pick<AuditEntry, 'action' | 'after'>): string =>
  clearsCritical(entry) ? 'critical mark cleared' : (ACTIONS[entry.action] ?? spaced(entry.action));

export const channelPath = (name: string, rest = ''): string => `/channels/${encodeURIComponent(name)}${rest}`;
/** The agents of a channel at one version, and those with one mark. */
export const agentsPath = (channel: string, version: string): string =>
  channelPath(channel, `/agents?version=${encodeURIComponent(version)}`);
export const markedPath = (channel: string, mark: AgentMark): string => channelPath(channel, `/agents?mark=${mark}`);

export const planePath = (name: string): string => `/control-planes/${encodeURIComponent(name)}`;
export const releasePath = (version: string, rest = ''): string => `/releases/${encodeURIComponent(version)}${rest}`;
