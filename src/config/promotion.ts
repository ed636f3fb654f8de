import { z } from 'zod';
import { PURPOSES } from '../domain/purpose.ts';
import { VERSION_KINDS } from '../domain/version.ts';
import { channelName, controlPlaneName, duration, share } from './fields.ts';
import { loginFaults, loginShape } from './peer-login.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'expected 1 to 64 of a-z0-9 and -');

const condition = z.strictObject({
  name: name.describe('name of the gate'),
  query: z.string().min(1).max(4096).describe('PromQL; the gate is passed while the query returns a series'),
});

export const tenantClass = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'expected 1 to 64 of a-z0-9 and -');

const tenants = z
  .strictObject({
    class: tenantClass.describe('control planes of this class must run the release first, besides controlPlanes'),
    maxInFlight: share.default(0.1).describe('share of them that may be told and not run it yet; at least one may'),
    deadline: duration.default(3_600_000).describe('one that was told and does not run it after this is failing'),
    maxFailing: share.default(0.02).describe('share of them that may fail; with more, the stage is halted'),
  })
  .nullable();

const stage = z.strictObject({
  name: name.describe('unique name'),
  channels: z.array(channelName).max(10_000).default([]).describe('that this stage moves'),
  controlPlanes: z.array(controlPlaneName).max(10_000).default([]).describe('that must run the release first'),
  tenants: tenants.default(null).describe('control planes by class, told in waves'),
  accepts: z.array(z.enum(VERSION_KINDS)).min(1).default(['cloud']).describe('kinds of releases that may enter'),
  purpose: z
    .enum(PURPOSES)
    .nullable()
    .default(null)
    .describe('what its tenants are for (RFD 12); accepts overrides it'),
  soak: duration.describe('how long its channels must serve the release before the stage is complete'),
  expeditedSoak: duration.default(600_000).describe('the same for a release that is expedited, if it is shorter'),
  automatic: z.boolean().default(false).describe('does it start without an operator?'),
  signOff: z.boolean().default(true).describe('must each significant change be signed off?'),
  approval: z.boolean().default(true).describe('must a second person, who did not register the release, approve?'),
  conditions: z.array(condition).max(20).default([]).describe('gates that query Prometheus'),
});

/** How releases are promoted from stage to stage. */
export const promotionSettings = z
  .strictObject({
    stages: z.array(stage).max(20).describe('in this order'),
    grace: duration,
    majorOverlap: duration,
    advanceEvery: duration.describe('how often to check whether a promotion can continue'),
    prometheus: z.strictObject({
      url: z
        .url({ protocol: /^https?$/ })
        .nullable()
        .describe('address of its query API'),
      deadline: duration.describe('for one query'),
      caFile: z.string().min(1).nullable().default(null).describe('CAs to trust, PEM; null: those of Node'),
      ...loginShape,
    }),
  })
  .superRefine(({ stages, prometheus }, context) => {
    const names = stages.map((each) => each.name);
    const twice = names.find((each, index) => names.indexOf(each) !== index);
    if (twice) context.addIssue(`the name of stage ${twice} is used twice`);
    const asking = stages.find(({ conditions }) => conditions.length > 0);
    for (const fault of loginFaults(prometheus)) context.addIssue(`prometheus: ${fault}`);
    const hasLogin = prometheus.tokenFile !== null || prometheus.username !== null;
    const address = URL.canParse(prometheus.url ?? '') ? new URL(prometheus.url ?? '') : null;
    if (hasLogin && address && address.username !== '') {
      context.addIssue('prometheus.url has a login already; remove one');
    }
    if (address && !isDecodable(address)) {
      context.addIssue('prometheus.url: write a % in its login as %25');
    }
    if (asking && prometheus.url === null) {
      context.addIssue(`stage ${asking.name} has conditions, so prometheus.url must be set`);
    }
  });

function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(`${username}:${password}`);
    return true;
  } catch {
    return false;
  }
}

export const githubSettings = z.strictObject({
  webhookSecret: z
    .string()
    .min(16, 'a webhook secret has at least 16 characters')
    .nullable()
    .describe('the secret of the webhook at GitHub; null: the hook is off'),
  label: z.string().min(1).max(100).describe('label that signs a change off'),
  repository: z
    .string()
    .regex(/^[\w.-]+\/[\w.-]+$/, 'expected owner/name')
    .nullable(),
});
