/** Each role may do all that the ones before it may. */
export const ROLES = ['viewer', 'operator', 'release-manager', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Whoever asks for something. */
export interface Actor {
  /** `token:NAME` or `system:PART`, as the audit log shows it. */
  name: string;
  role: Role;
}

export const mayActAs = (actor: Actor, role: Role): boolean => ROLES.indexOf(actor.role) >= ROLES.indexOf(role);
