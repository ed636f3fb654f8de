import { createHash } from 'node:crypto';
import { verify } from '@octokit/webhooks-methods';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';
import { FairwayError } from '../domain/errors.ts';
import type { SignOffs } from '../service/sign-offs.ts';
import { validated } from './validation.ts';

export interface HookOptions {
  signOffs: Pick<SignOffs, 'byLabel'>;
  /** The secret that GitHub signs with; null: every delivery is refused. */
  secret: string | null;
  /** The label that signs a change off. */
  label: string;
  /** `owner/name`, the only repository whose labels count; null: every delivery is refused. */
  repository: string | null;
}

/** GitHub's own limit is 25 MB, for pushes; a labelled pull request has some 30 KB. */
const MAX_DELIVERY = 1024 * 1024;

/** The part of a `pull_request` event that describes a label; the rest is not read. */
const LabelEvent = z.object({
  label: z.object({ name: z.string() }),
  pull_request: z.object({ number: z.int().min(1), updated_at: z.iso.datetime({ offset: true }) }),
  repository: z.object({ full_name: z.string() }),
  sender: z.object({ login: z.string().min(1).max(100) }),
});
const DeliveryId = z.string().min(1).max(100);

/**
 * `/hooks/github`: GitHub reports labels. A delivery is authenticated by GitHub's signature instead of a token, so a
 * proxy can expose this path alone.
 */
export function hookRoutes({ signOffs, secret, label, repository }: HookOptions) {
  const app = new Hono();

  async function takeDelivery(event: string, delivery: string, payload: unknown) {
    const action = (payload as { action?: unknown } | null)?.action;
    if (event !== 'pull_request' || (action !== 'labeled' && action !== 'unlabeled')) {
      return { ignored: `only labels of pull requests count, and this is ${event}` };
    }
    const { label: given, pull_request, repository: from, sender } = validated(LabelEvent, payload);
    if (given.name !== label) return { ignored: `the label that signs off is ${label}` };
    if (from.full_name !== repository) return { ignored: `only ${repository} counts` };
    const { number: pr, updated_at: at } = pull_request;
    return signOffs.byLabel({ delivery, pr, signedOff: action === 'labeled', by: sender.login, at });
  }

  app.post('/github', limitBody(), async (c) => {
    if (secret === null) {
      throw new FairwayError('not_found', 'no webhook is set up; set FAIRWAY_GITHUB_WEBHOOK_SECRET on the server');
    }
    if (repository === null) {
      throw new FairwayError('not_found', 'labels of no repository count; set github.repository on the server');
    }
    const body = await requireSigned(secret, c.req.header('x-hub-signature-256'), () => c.req.text());
    const delivery = DeliveryId.safeParse(c.req.header('x-github-delivery'));
    if (!delivery.success) throw new FairwayError('malformed', 'the header X-GitHub-Delivery is missing');
    // The signature covers the body alone, so a body that was recorded could be sent again under another id.
    const known = createHash('sha256').update(body).digest('hex');
    const result = await takeDelivery(c.req.header('x-github-event') ?? 'unknown', known, readJson(body));
    return c.json(result, 200);
  });
  return app;
}

/** Returns the body if it is signed with the secret. Throws `unauthenticated`. */
async function requireSigned(
  secret: string,
  signature: string | undefined,
  read: () => Promise<string>,
): Promise<string> {
  const body = signature ? await read() : '';
  if (signature && body && (await verify(secret, body, signature))) return body;
  throw new FairwayError(
    'unauthenticated',
    'the header X-Hub-Signature-256 does not sign this body; set the same secret here and at GitHub',
  );
}

function readJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new FairwayError(
      'malformed',
      'the delivery is not JSON; choose the content type application/json at GitHub',
      {
        cause,
      },
    );
  }
}

function limitBody() {
  return bodyLimit({
    maxSize: MAX_DELIVERY,
    onError: () => {
      throw new FairwayError('too_large', 'the delivery is larger than 1 MiB');
    },
  });
}
