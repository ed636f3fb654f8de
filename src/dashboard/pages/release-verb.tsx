import { Hono } from 'hono';
import { FairwayError } from '../../domain/errors.ts';
import type { Release } from '../../domain/release.ts';
import { requirePermission } from '../../domain/role.ts';
import { STATUS } from '../../http/errors.ts';
import type { Census } from '../../service/census-view.ts';
import type { PromotionView } from '../../service/promotions.ts';
import { unlessAway, unlessMissing } from '../away.ts';
import type { DashboardEnv, DashboardServices, PageContext } from '../frame.ts';
import { oneOf } from '../one-of.ts';
import { ReleaseCrumbs } from '../parts/crumbs.tsx';
import { Field, ReasonField, Tick } from '../parts/form.tsx';
import { type ReleaseOutcome, ReleasePreview } from '../parts/release-outcome.tsx';
import { ReleaseMarks } from '../parts/release-state.tsx';
import { byChannel } from '../parts/stages.tsx';
import { Steering } from '../parts/steering.tsx';
import { maybeVersion } from '../parts/version.tsx';
import { releasePath } from '../parts/words.ts';
import { readTexts } from '../read-form.ts';
import { RELEASE_VERB_FORMS, RELEASE_VERBS, type ReleaseValues, type ReleaseVerb } from '../release-verbs.ts';
import { renderPage } from '../render.tsx';
import type { Session } from '../sessions.ts';

interface ReleaseVerbProps {
  release: Release;
  promotion: PromotionView | null;
  verb: ReleaseVerb;
  values: ReleaseValues;
  outcome: ReleaseOutcome | null;
  censuses: ReadonlyMap<string, Census> | null;
  session: Session;
}

function ReleaseVerbPage({ release, promotion, verb, values, outcome, censuses, session }: ReleaseVerbProps) {
  const { title, explanation } = RELEASE_VERB_FORMS[verb];
  const { version } = release;
  const action = releasePath(version, `/${verb}`);
  return (
    <>
      <ReleaseCrumbs version={version} />
      <div class="heading">
        <h1>{title}</h1>
        <p class="now">
          <span class="target">{maybeVersion(version)}</span> <ReleaseMarks release={release} />
        </p>
      </div>
      <Steering
        {...{ action, session }}
        back={releasePath(version)}
        explanation={<p>{explanation}</p>}
        outcome={
          outcome && <ReleasePreview {...{ release, promotion, verb, values, outcome, censuses, session, action }} />
        }
      >
        <ReleaseFields verb={verb} values={values} promotion={promotion} release={release} />
      </Steering>
    </>
  );
}

function ReleaseFields({
  verb,
  values,
  promotion,
  release,
}: Pick<ReleaseVerbProps, 'verb' | 'values' | 'promotion' | 'release'>) {
  const { fields, reasonOptional } = RELEASE_VERB_FORMS[verb];
  const waiting = promotion?.stages.filter(({ state }) => state === 'waiting').map(({ stage }) => stage);
  return (
    <>
      {fields.includes('stage') && (
        <Field
          label="Stage"
          name="stage"
          value={values.stage ?? promotion?.stage ?? ''}
          required
          maxlength={64}
          suggestions={waiting ?? []}
        />
      )}
      {fields.includes('by') && (
        <Field
          label="Fixed release"
          name="by"
          value={values.by}
          required
          maxlength={100}
          placeholder={`newer than ${release.version}`}
        />
      )}
      {fields.includes('pr') && (
        <Field
          label="Change"
          name="pr"
          value={values.pr}
          required
          maxlength={10}
          suggestions={release.changes.map(({ pr }) => String(pr))}
          hint="The number of the pull request."
        />
      )}
      {fields.includes('channels') && (
        <Field
          label="Channels (optional)"
          name="channels"
          value={values.channels}
          maxlength={2_000}
          hint="Channels to roll forward in the same commit, separated by commas."
        />
      )}
      <ReasonField value={values.reason} optional={reasonOptional} autofocus />
      {fields.includes('critical') && (
        <Tick
          label="Critical: agents move at once, outside their maintenance window"
          name="critical"
          checked={values.critical === 'true'}
        />
      )}
    </>
  );
}

const STEER = `/releases/:version/:verb${oneOf(RELEASE_VERBS)}`;

/** `/releases/VERSION/VERB`: the form, its preview, and the change itself. */
export function releaseVerbPages(services: DashboardServices) {
  const { releases, promotions, fleet } = services;
  const app = new Hono<DashboardEnv>();

  async function show(c: PageContext, verb: ReleaseVerb, values: ReleaseValues, outcome: ReleaseOutcome | null) {
    const actor = c.get('actor');
    const release = releases.read(c.req.param('version') ?? '', actor);
    const { value: promotion } = await unlessMissing(promotions.read(release.version, actor));
    const censuses = outcome && byChannel(await unlessAway(fleet.censuses()));
    const error = outcome?.error;
    return renderPage(
      c,
      {
        title: `${RELEASE_VERB_FORMS[verb].title} ${release.version}`,
        section: 'releases',
        status: error ? STATUS[error.code] : 200,
      },
      <ReleaseVerbPage {...{ release, promotion, verb, values, outcome, censuses }} session={c.get('session')} />,
    );
  }

  app.get(STEER, (c) => {
    const verb = c.req.param('verb') as ReleaseVerb;
    requirePermission(c.get('actor'), RELEASE_VERB_FORMS[verb].action);
    return show(c, verb, c.req.query(), null);
  });

  app.post(STEER, async (c) => {
    const actor = c.get('actor');
    const verb = c.req.param('verb') as ReleaseVerb;
    const form = RELEASE_VERB_FORMS[verb];
    requirePermission(actor, form.action);
    const { confirm, revision, ...values } = await readTexts(c);
    const { version } = releases.read(c.req.param('version') ?? '', actor);
    const request = confirm
      ? { actor, ifMatch: Number(revision), dryRun: false }
      : { actor, ifMatch: null, dryRun: true };
    try {
      const effect = await form.act(services, version, values, request);
      return request.dryRun
        ? await show(c, verb, values, { effect, error: null })
        : c.redirect(releasePath(version), 303);
    } catch (error) {
      if (!(error instanceof FairwayError)) throw error;
      return show(c, verb, values, { effect: null, error, attempted: !request.dryRun });
    }
  });
  return app;
}
