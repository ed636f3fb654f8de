import { FairwayError } from './errors.ts';

/** Each role may do everything that the roles before it may. */
export const ROLES = ['viewer', 'operator', 'release-manager', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** The person, pipeline or part of Fairway that asks for something. */
export interface Actor {
  /** `token:NAME` or `system:PART`, as the audit log shows it. */
  name: string;
  role: Role;
}

/** Is it a part of Fairway, and no person or pipeline? */
export const isMachine = (name: string): boolean => name.startsWith('system:');

/**
 * Everything that can be done: the lowest role that may do it, and the words that follow "may". The operator API, the
 * dashboard, the gate and the table in docs/operating.md read it, so a new action is one line here.
 */
export const PERMISSIONS = {
  read: ['viewer', 'read everything except releases under embargo'],
  check: ['viewer', 'check a version against the gate'],
  'put-channel': ['operator', 'create a channel or change its settings'],
  'roll-forward': ['operator', 'roll a channel forward'],
  'roll-back': ['operator', 'roll a channel back'],
  pin: ['operator', 'pin a channel'],
  unpin: ['operator', 'unpin a channel'],
  critical: ['operator', 'mark a target critical'],
  withdraw: ['operator', 'withdraw a target'],
  release: ['operator', 'let a held channel go'],
  'cancel-plan': ['operator', 'cancel a plan'],
  'steer-rollout': ['operator', 'start, stop or take back a rollout'],
  freeze: ['operator', 'freeze all channels for a time'],
  'cancel-scheduled': ['operator', 'cancel a scheduled change'],
  'put-control-plane': ['operator', 'record the version of a control plane'],
  'import-inventory': ['operator', 'import an inventory'],
  'forget-agent': ['operator', 'forget an agent'],
  'accept-evidence': ['release-manager', 'confirm that a source has fewer agents'],
  'forget-evidence': ['release-manager', 'forget a source, or all agents at a version'],
  'sign-off': ['operator', 'sign off a change'],
  'see-embargoed': ['release-manager', 'see releases under embargo'],
  'register-release': ['release-manager', 'register a release or import a release history'],
  'publish-artifacts': ['release-manager', 'record what was built and published'],
  promote: ['release-manager', 'promote a release'],
  approve: ['release-manager', 'approve a stage'],
  expedite: ['release-manager', 'shorten the soaks of a fix'],
  halt: ['release-manager', 'halt a promotion'],
  resume: ['release-manager', 'resume a promotion'],
  supersede: ['release-manager', 'supersede a release'],
  'skip-promotion': ['release-manager', 'move a channel of a stage to a release that has not reached it'],
  pull: ['release-manager', 'pull a release'],
  'lift-embargo': ['release-manager', 'lift an embargo'],
  'delete-channel': ['admin', 'delete a channel'],
  'delete-control-plane': ['admin', 'delete a control plane'],
  'accept-stranding': ['admin', 'override a refusal that strands agents'],
  'override-freeze': ['admin', 'move a target while it is frozen'],
  unfreeze: ['admin', 'end a freeze of all channels'],
  apply: ['admin', 'apply a state document'],
  archive: ['admin', 'archive old entries of the audit log'],
  recover: ['admin', 'decide which state counts after lost changes'],
} as const satisfies Record<string, readonly [role: Role, words: string]>;

export type Action = keyof typeof PERMISSIONS;

/** The lowest role that may do it. */
export const roleFor = (action: Action): Role => PERMISSIONS[action][0];

export const may = (actor: Actor, action: Action): boolean =>
  ROLES.indexOf(actor.role) >= ROLES.indexOf(roleFor(action));

/** Throws `forbidden` unless the actor may do it. */
export function requirePermission(actor: Actor, action: Action): void {
  if (may(actor, action)) return;
  const [role, words] = PERMISSIONS[action];
  throw new FairwayError(
    'forbidden',
    `${actor.name} may not ${words}: this needs the role ${role}, and ${actor.name} has the role ${actor.role}`,
  );
}
