import { z } from '@hono/zod-openapi';
import { URGENCIES } from '../../domain/backport.ts';
import { ARTIFACT_STATES } from '../../domain/release.ts';
import { MAX_VERSION_LENGTH, VERSION_KINDS } from '../../domain/version.ts';
import { canonicalVersion, dryRun, kind, moment, reason, said, signature, time, version } from './fields.ts';
import { listQuery } from './page.ts';
import { overrideFreeze } from './rollouts.ts';

const artifactState = z.enum(ARTIFACT_STATES);
const commit = z
  .string()
  .regex(/^[0-9a-fA-F]{6,40}$/, 'expected 6 to 40 hex digits')
  .openapi({ example: 'f00dfacade' });
const branch = z
  .string()
  .regex(/^(main|branch\/v\d{1,4}(\.\d{1,4})?)$/, 'expected main, branch/vX or branch/vX.Y')
  .openapi({ description: 'The branch that it was cut from.', example: 'branch/v17' });
const pr = z
  .int()
  .min(1)
  .max(2 ** 31);
const title = z.string().trim().min(1).max(300);
const author = z.string().trim().min(1).max(100).optional().openapi({ example: 'zmb3' });
/** Limits the size of a release's document. */
const MAX_CHANGES = 500;
/** More fixes than are ever under embargo at a time. */
const MAX_INCLUDES = 20;

export const ListedRelease = z.strictObject({
  version: z.string().min(1).max(MAX_VERSION_LENGTH),
  date: z.iso.date('expected a date such as 2026-11-22').nullable(),
  security: z.boolean(),
});
export const ImportReleases = z.array(ListedRelease).min(1).max(10_000);
export const ImportResult = z
  .object({
    received: z.int(),
    imported: z.int(),
    unchanged: z.int(),
    skipped: z.array(z.object({ version: z.string(), detail: z.string() })),
  })
  .openapi('ImportResult');

export const RegisterRelease = z
  .strictObject({
    version,
    commit,
    cutAt: time(),
    branch: branch.optional(),
    previous: version.optional(),
    includes: z
      .array(version)
      .max(MAX_INCLUDES)
      .optional()
      .openapi({ description: 'Releases under embargo whose fixes it contains.' }),
    security: z.boolean().optional(),
    embargoed: z.boolean().optional(),
    artifacts: z
      .strictObject({
        controlPlane: artifactState.optional(),
        packages: artifactState.optional(),
        helm: artifactState.optional(),
      })
      .optional(),
    changes: z
      .array(z.strictObject({ pr, title, significant: z.boolean(), author }))
      .max(MAX_CHANGES)
      .optional(),
  })
  .openapi('RegisterRelease');

const artifact = z.object({ state: artifactState, at: moment().nullable() });
/** A release as in `GET /export`. */
export const releaseState = {
  commit: commit.nullable(),
  cutAt: moment().nullable(),
  branch: branch.optional(),
  previous: canonicalVersion.nullable(),
  includes: z.array(canonicalVersion).max(MAX_INCLUDES).optional(),
  security: z.boolean(),
  embargoed: z.boolean(),
  artifacts: z.object({ controlPlane: artifact, packages: artifact, helm: artifact }),
  changes: z
    .array(z.object({ pr, title, significant: z.boolean(), author, signedOff: z.object(signature).nullable() }))
    .max(MAX_CHANGES),
  pulled: z.object(said).nullable(),
  registered: z.object({ ...signature, digest: z.string().max(200) }).nullable(),
};
export const Release = z.object({ version: z.string(), ...releaseState, revision: z.int() }).openapi('Release');

export const ReleaseVersion = version.openapi({ param: { name: 'version', in: 'path' } });
export const ReleaseQuery = z.object({
  kind: kind.optional(),
  major: z.coerce.number().int().min(0).max(10_000).optional(),
  security: z.enum(['true', 'false']).optional(),
  embargoed: z.enum(['true', 'false']).optional(),
  pulled: z.enum(['true', 'false']).optional(),
  order: z.enum(['precedence', 'time']).default('precedence').openapi({ description: 'The order, newest first.' }),
  ...listQuery,
});

const major = z.coerce.number().int().min(0).max(10_000);
export const MintQuery = z.object({
  commit,
  at: time().optional().openapi({ description: 'When it is cut; now by default.' }),
  major: major.optional(),
});
const majorList = z.array(z.int()).openapi({ description: "Right for a cloud release now; the last one is main's." });
export const Minted = z.object({ version: z.string(), majors: majorList }).openapi('Minted');
export const CutBranch = z.strictObject({ major: z.int().min(0).max(10_000), reason, dryRun });
export const BranchCuts = z
  .object({ cuts: z.array(z.object({ major: z.int(), ...said })), majors: majorList })
  .openapi('BranchCuts');

export const PublishArtifacts = z
  .strictObject({
    controlPlane: artifactState.optional(),
    packages: artifactState.optional(),
    helm: artifactState.optional(),
  })
  .refine((states) => Object.keys(states).length > 0, 'name at least one of controlPlane, packages and helm');

export const Pull = z.strictObject({ reason, critical: z.boolean().optional(), dryRun });
export const LiftEmbargo = z.strictObject({
  reason,
  channels: z
    .array(z.string())
    .max(100)
    .optional()
    .openapi({ description: 'Channels to roll forward to the release in the same commit.' }),
  critical: z.boolean().optional().openapi({ description: 'Mark those channels critical.' }),
  overrideFreeze,
  dryRun,
});
export const RecallResult = z
  .object({
    release: Release,
    total: z.int().openapi({ description: 'How many channels move.' }),
    withdrawn: z.int().openapi({ description: 'How many of them have nothing to go to, so their agents stay.' }),
    channels: z
      .array(
        z.object({ channel: z.string(), from: z.string().nullable(), to: z.string().nullable(), detail: z.string() }),
      )
      .openapi({ description: 'The first 500 of them, those without a version to go to before the others.' }),
  })
  .openapi('RecallResult');

export const SupportWindow = z
  .object({
    latest: z.int().nullable(),
    oldest: z.int().nullable(),
    majors: z.array(z.object({ major: z.int(), newest: z.string(), releases: z.int() })),
  })
  .openapi('SupportWindow');
export const TagPlan = z
  .object({
    create: z.array(z.string()),
    move: z.array(z.object({ tag: z.string(), from: z.string().nullable(), to: z.string().nullable() })),
  })
  .openapi('TagPlan');
const majors = z
  .string()
  .regex(/^\d{1,4}(,\d{1,4}){0,9}$/, 'expected majors such as 16,15')
  .transform((text) => text.split(',').map(Number))
  .optional();
export const BackportQuery = z.object({
  urgency: z.enum(URGENCIES),
  majors: majors.openapi({
    type: 'string',
    example: '16,15',
    description: 'The majors that have the bug; by default all supported ones.',
  }),
  customerRequested: majors.openapi({
    type: 'string',
    example: '15',
    description: 'Older majors that a customer wants a fix for that is not urgent.',
  }),
});
export const BackportPlan = z
  .object({
    urgency: z.enum(URGENCIES),
    merge: z.literal('main'),
    backports: z.array(z.object({ branch: z.string(), from: z.string().nullable() })),
    releases: z.array(z.object({ version: z.string(), follows: z.string() })),
  })
  .openapi('BackportPlan');
export const VersionExplanation = z
  .object({
    version: z.string(),
    kind: z.enum(VERSION_KINDS),
    line: z.string(),
    branch: z.string().nullable(),
    use: z.string(),
    support: z.enum(['supported', 'ended', 'ahead', 'unknown']),
    cutAt: z.string().nullable(),
    hash: z.string().nullable(),
    tags: TagPlan,
  })
  .openapi('VersionExplanation');

export const PullRequest = z.coerce
  .number()
  .int()
  .min(1)
  .max(2 ** 31)
  .openapi({ param: { name: 'pr', in: 'path' } });
export const SignOff = z.strictObject({ signedOff: z.boolean().optional(), reason: reason.optional() });
