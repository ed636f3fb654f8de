import { type ControlPlane, lowestOf, type Wanted } from './control-plane.ts';
import { derivedOnce } from './derived.ts';
import type { Promotion, Stage, StageState, TenantSelection } from './promotion.ts';
import { compareVersions } from './version.ts';
import { count, listed } from './words.ts';

/** The label that makes a tenant go before the others of its stage. */
export const CANARY_LABEL = 'canary';

const byClass = derivedOnce((controlPlanes: ReadonlyMap<string, ControlPlane>) => {
  const classes = new Map<string, string[]>();
  for (const { name, class: its } of controlPlanes.values()) {
    if (its === undefined) continue;
    const names = classes.get(its);
    if (names) names.push(name);
    else classes.set(its, [name]);
  }
  return classes;
});

/** The stages of the settings as they are with these control planes. */
export type StagesAt = (controlPlanes: ReadonlyMap<string, ControlPlane>) => readonly Stage[];

/** The stages with the control planes of their class among `controlPlanes`, by name. Kept until one of them changes. */
export function resolveStages(stages: readonly Stage[]): StagesAt {
  if (stages.every(({ tenants }) => !tenants)) return () => stages;
  return derivedOnce((controlPlanes: ReadonlyMap<string, ControlPlane>) =>
    stages.map((stage) => {
      if (!stage.tenants) return stage;
      const members = byClass(controlPlanes).get(stage.tenants.class) ?? [];
      return { ...stage, controlPlanes: [...new Set([...stage.controlPlanes, ...members])].sort() };
    }),
  );
}

/** Does all of the tenant run the version, or a later one? */
export const runs = (tenant: Pick<ControlPlane, 'version'>, version: string): boolean =>
  compareVersions(lowestOf(tenant), version) >= 0;

/** Who is told next in a stage, and how the others stand. */
export interface Wave {
  /** By name; at most `MAX_TOLD`, since they are told in one commit. */
  tell: string[];
  inFlight: number;
  done: number;
  failing: string[];
  /** Why the stage must be halted; null: it need not. */
  halt: string | null;
}

/** Documents of one commit. */
const MAX_TOLD = 500;

/**
 * The next wave of a stage that takes `version` to `tenants`, at `now` (epoch milliseconds). Tenants with the label
 * `canary` go first: the others wait until all of those run it.
 */
export function nextWave(
  { maxInFlight, deadline, maxFailing }: TenantSelection,
  tenants: readonly ControlPlane[],
  version: string,
  now: number,
): Wave {
  const behind = tenants.filter((tenant) => !runs(tenant, version));
  const told = behind.filter(({ wanted }) => wanted?.version === version);
  const failing = told.filter(({ wanted }) => isFailing(wanted, deadline, now)).map(({ name }) => name);
  const open = behind.filter(({ wanted }) => wanted?.version !== version);
  const isCanary = ({ labels }: ControlPlane) => labels?.[CANARY_LABEL] !== undefined;
  const canaries = behind.some(isCanary) ? open.filter(isCanary) : open;
  const free = Math.max(Math.floor(maxInFlight * tenants.length), 1) - told.length;
  const most = Math.floor(maxFailing * tenants.length);
  return {
    tell: canaries.slice(0, Math.min(Math.max(free, 0), MAX_TOLD)).map(({ name }) => name),
    inFlight: told.length - failing.length,
    done: tenants.length - behind.length,
    failing,
    halt: failing.length > most ? describeFailing(failing, version, most) : null,
  };
}

/** Did a tenant that was told not come to its version in time, or go back from it? */
function isFailing(wanted: Wanted | undefined, deadline: number, now: number): boolean {
  if (!wanted) return false;
  return wanted.reachedAt !== null || now - Date.parse(wanted.since) > deadline;
}

const describeFailing = (failing: readonly string[], version: string, most: number) =>
  `${count(failing.length, 'control plane')} did not come to ${version} in time or went back, and ${most} may: ${listed(failing)}`;

/** How a tenant stands to what it is wanted to run. */
export const TENANT_STATES = ['unwanted', 'running', 'told', 'failing'] as const;
export type TenantState = (typeof TENANT_STATES)[number];

export function stateOfTenant(
  tenant: ControlPlane,
  wanted: Pick<Wanted, 'version' | 'since'> | null,
  deadline: number | null,
  now: number,
): TenantState {
  if (wanted === null) return 'unwanted';
  if (runs(tenant, wanted.version)) return 'running';
  const its = tenant.wanted?.version === wanted.version ? tenant.wanted : { ...wanted, stage: '', reachedAt: null };
  return deadline !== null && isFailing(its, deadline, now) ? 'failing' : 'told';
}

/** The tenant once it was told to run `version` by a stage. */
export const tell = (tenant: ControlPlane, version: string, stage: string, at: string): ControlPlane => ({
  ...tenant,
  wanted: { version, stage, since: at, reachedAt: null },
});

/** What is wanted of a tenant after a report: it may have come to the version now. */
export function afterReport(tenant: ControlPlane, at: string): ControlPlane {
  const { wanted } = tenant;
  if (!wanted || wanted.reachedAt !== null || !runs(tenant, wanted.version)) return tenant;
  return { ...tenant, wanted: { ...wanted, reachedAt: at } };
}

/** What the stages want, by name: the newest release whose turn it is, or was, and since when. */
type Demands = ReadonlyMap<string, { version: string; since: string }>;

/** States in which all control planes of a stage run its release, or are to. */
const DEMANDING: ReadonlySet<StageState> = new Set(['rolling', 'soaking', 'complete']);

/** The newest release that each stage has in one of these states. Kept until a promotion changes. */
const demandsIn = (states: ReadonlySet<StageState>) =>
  derivedOnce((promotions: ReadonlyMap<string, Promotion>): Demands => {
    const demands = new Map<string, { version: string; since: string }>();
    for (const { version, stages, supersededBy } of promotions.values()) {
      if (supersededBy !== null) continue;
      for (const [stage, { state, since }] of Object.entries(stages)) {
        const known = demands.get(stage);
        if (since === null || !states.has(state) || (known && compareVersions(known.version, version) > 0)) continue;
        demands.set(stage, { version, since });
      }
    }
    return demands;
  });

/** What each stage wants of its control planes, by its name. */
export const demandsOf = demandsIn(DEMANDING);

/** What each stage waits for its control planes to run, by its name. */
export const awaitedBy = demandsIn(new Set(['awaiting-control-plane']));
