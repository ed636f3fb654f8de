import type { Context } from 'hono';
import type { Actor } from '../domain/role.ts';
import type { Audit } from '../service/audit.ts';
import type { Channels } from '../service/channels.ts';
import type { ControlPlanes } from '../service/control-planes.ts';
import type { Fleet } from '../service/fleet.ts';
import type { Plans } from '../service/plans.ts';
import type { Promotions } from '../service/promotions.ts';
import type { Recall } from '../service/recall.ts';
import type { Releases } from '../service/releases.ts';
import type { Series } from '../service/series.ts';
import type { SignOffs } from '../service/sign-offs.ts';
import type { State } from '../service/state.ts';
import type { Session } from './sessions.ts';

/** The services that the pages read and steer. */
export interface DashboardServices {
  channels: Channels;
  fleet: Fleet;
  plans: Pick<Plans, 'state'>;
  series: Pick<Series, 'read'>;
  controlPlanes: ControlPlanes;
  releases: Releases;
  promotions: Promotions;
  recall: Pick<Recall, 'pull' | 'liftEmbargo'>;
  signOffs: Pick<SignOffs, 'byHand'>;
  audit: Audit;
  state: Pick<State, 'peek' | 'storeState' | 'shortfall' | 'age'>;
  now: () => Date;
}

/** Sections of the dashboard, as its navigation names them. */
export type Section = 'fleet' | 'control-planes' | 'releases' | 'audit' | 'docs';

/** What every page knows in addition to its content. */
export interface Frame {
  /** Null before signing in. */
  session: Session | null;
  /** What is wrong with the store, for the banner; null when all is well. */
  trouble: string | null;
  now: Date;
}

/** The variables of every request to a page; `actor` and `session` are set only after signing in. */
export type DashboardEnv = { Variables: { actor: Actor; session: Session; frame: Frame } };
export type PageContext = Context<DashboardEnv>;
