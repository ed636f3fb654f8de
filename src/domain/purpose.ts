import type { VersionKind } from './version.ts';

/** What channels and stages are for. */
export const PURPOSES = ['demo', 'staging', 'production'] as const;
export type Purpose = (typeof PURPOSES)[number];

/**
 * What may go where (RFD 12, Suffixes): alphas are "good for demos and early deploys, but not staging", betas are "good
 * for staging deploys, but not production", and release candidates are "still in testing". Builds of developers are for
 * none of these.
 */
const KINDS: Record<Purpose, readonly VersionKind[]> = {
  demo: ['stable', 'cloud', 'rc', 'beta', 'alpha'],
  staging: ['stable', 'cloud', 'rc', 'beta'],
  production: ['stable', 'cloud'],
};

interface Purposeful {
  purpose?: Purpose | null | undefined;
  accepts?: readonly VersionKind[] | undefined;
}

/** The settings with the kinds that their purpose takes, unless they name kinds of their own, which override it. */
export const withPurpose = <T extends Purposeful>(settings: T): T =>
  settings.purpose && settings.accepts === undefined
    ? { ...settings, accepts: [...KINDS[settings.purpose]] }
    : settings;

/** The accepted kinds that the purpose does not take; empty without a purpose. */
export const beyondPurpose = ({ purpose, accepts = [] }: Purposeful): VersionKind[] =>
  purpose ? accepts.filter((kind) => !KINDS[purpose].includes(kind)) : [];

/** Says that `accepts` overrides the purpose of `what`; null if it does not. */
export function describeOverride(what: string, settings: Purposeful): string | null {
  const kinds = beyondPurpose(settings);
  if (kinds.length === 0) return null;
  return `${what} is for ${settings.purpose} and accepts ${kinds.join(' and ')} versions anyway (RFD 12, Suffixes)`;
}
