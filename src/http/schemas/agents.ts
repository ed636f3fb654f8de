import { z } from '@hono/zod-openapi';
import { SIGHTING_SOURCES, UPDATER_KINDS, UPDATER_STATES } from '../../domain/agent.ts';
import { Mark, plan } from './channels.ts';
import { VersionCount } from './fields.ts';
import { EvidenceSummary } from './report.ts';
import { WatchScope } from './watch-scope.ts';

export const Census = z
  .object({
    channel: z.string(),
    target: z.string().nullable(),
    agents: z.int(),
    oldest: VersionCount.nullable(),
    versions: z.array(VersionCount),
    unreadable: z
      .int()
      .openapi({ description: 'Agents whose version cannot be read; in `agents`, not in `versions`.' }),
    distance: z
      .object({
        atTarget: z.int(),
        behind: z.int().openapi({ description: "Within the target's major." }),
        majorBehind: z.int().openapi({ description: 'A major or more behind, and still in support.' }),
        outOfSupport: z.int(),
        ahead: z.int(),
        cutOff: z.int().openapi({ description: 'Refused by their control plane, at whatever version.' }),
        stranded: z
          .int()
          .openapi({ description: 'Those of the agents above that cannot go to the target in one hop.' }),
      })
      .nullable(),
    stranded: z.int().openapi({ description: 'Agents that the present target strands, as the gate counts them.' }),
    cutOff: z.int().openapi({ description: "Agents that the channel's control plane refuses where it was reported." }),
    groups: z.array(z.object({ group: z.string().nullable(), count: z.int() })),
    updaters: z.array(z.object({ updater: z.string().nullable(), count: z.int() })),
    contested: z.int().openapi({ description: 'Agents that go back and forth between versions.' }),
    reverted: z.int().openapi({ description: 'Agents that went back by themselves.' }),
    updaterStates: z
      .object({ pinned: z.int(), disabled: z.int(), unreadable: z.int(), failing: z.int() })
      .openapi({ description: 'Agents whose updater is held on its host, or ended its last update with an error.' }),
    expired: z.int().openapi({ description: 'Instances that had expired when they were listed; in no other count.' }),
    unenrolled: z.int().openapi({ description: 'Agents that check in without an enrolment token; in no other count.' }),
    unmanaged: z
      .int()
      .openapi({ description: 'Connected agents of the cluster without an updater; in no other count.' }),
    unmappedGroups: z
      .array(z.object({ group: z.string(), count: z.int() }))
      .openapi({ description: 'Groups that are no channel of their own.' }),
    uncounted: z
      .array(z.string())
      .openapi({ description: 'Release lines of agents whose check-ins were too many to be counted.' }),
    watch: WatchScope.nullable(),
    sources: z.array(EvidenceSummary.extend({ versions: z.array(VersionCount) })),
  })
  .openapi('Census');

const sighting = {
  channel: z.string(),
  version: z.string(),
  updater: z.enum(UPDATER_KINDS).nullable(),
  updaterVersion: z.string().nullable(),
  updaterState: z.enum(UPDATER_STATES).nullable().openapi({ description: 'As an inventory reports it.' }),
  updaterError: z
    .int()
    .optional()
    .openapi({ description: 'The error code of an updater that is failing, if it reports one.' }),
  group: z.string().nullable(),
  host: z.string().nullable(),
  enrolled: z.boolean(),
  expired: z.boolean(),
};
export const Agent = z
  .object({
    id: z.string(),
    ...sighting,
    version: z.string().openapi({ description: 'The version at which it counts; `sources` has what each reports.' }),
    channels: z.array(z.string()).openapi({ description: 'All channels on which it counts.' }),
    contested: z.object({ version: z.string(), at: z.string() }).nullable(),
    reverted: z.object({ from: z.string(), was: z.string(), at: z.string() }).nullable(),
    lastSeen: z.string(),
    sources: z.array(
      z.object({
        source: z.enum(SIGHTING_SOURCES),
        ...sighting,
        proven: z.boolean().openapi({ description: 'False for a check-in that anyone could have sent.' }),
        at: z.string(),
      }),
    ),
  })
  .openapi('Agent');
export const AgentId = z
  .string()
  .min(1)
  .max(128)
  .openapi({ param: { name: 'id', in: 'path' } });
export const Explanation = z
  .object({
    agent: Agent,
    channel: z.string(),
    told: z.object({ version: z.string(), critical: z.enum(['yes', 'no']) }).nullable(),
    target: z.string().nullable(),
    critical: Mark.nullable(),
    pin: Mark.nullable(),
    stranded: z.boolean().openapi({ description: 'Does the target strand it?' }),
    cutOff: z.boolean().openapi({ description: 'Does its control plane refuse it at its version?' }),
    plan: z.object({ ...plan, next: z.string(), strandsAgent: z.boolean() }).nullable(),
    revision: z.int().nullable(),
    because: z.string().openapi({ description: 'The reason in a sentence.' }),
  })
  .openapi('Explanation');
