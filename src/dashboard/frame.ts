import type { Context } from 'hono';
import type { Actor } from '../domain/role.ts';
import type { StoreTrouble } from '../service/status.ts';
import type { Services } from '../services.ts';
import type { Session } from './sessions.ts';

/** The services that the pages read and steer. */
export type DashboardServices = Pick<
  Services,
  | 'state'
  | 'status'
  | 'audit'
  | 'changes'
  | 'channels'
  | 'controlPlanes'
  | 'evidences'
  | 'fleet'
  | 'freezes'
  | 'plans'
  | 'promotions'
  | 'recall'
  | 'releases'
  | 'rollouts'
  | 'schedules'
  | 'series'
  | 'signOffs'
> & { now: () => Date };

/** Sections of the dashboard, as its navigation names them. */
export type Section = 'fleet' | 'control-planes' | 'releases' | 'audit' | 'docs';

/** What every page knows in addition to its content. */
export interface Frame {
  /** Null before signing in. */
  session: Session | null;
  /** The revision of the state that the page is made from; null while there is none. */
  revision: number | null;
  /** What is wrong with the store, for the banner; null when all is well. */
  trouble: StoreTrouble | null;
  now: Date;
}

/** The variables of every request to a page; `actor` and `session` are set only after signing in. */
export type DashboardEnv = { Variables: { actor: Actor; session: Session; frame: Frame } };
export type PageContext = Context<DashboardEnv>;
