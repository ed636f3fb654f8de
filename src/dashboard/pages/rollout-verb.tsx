import { Hono } from 'hono';
import type { Channel } from '../../domain/channel.ts';
import { FairwayError } from '../../domain/errors.ts';
import { type Actor, may, requirePermission } from '../../domain/role.ts';
import type { Stored } from '../../domain/snapshot.ts';
import { STATUS } from '../../http/errors.ts';
import { ROLLOUT_VERBS, type RolloutVerb, type RolloutView } from '../../service/rollouts.ts';
import type { DashboardEnv, DashboardServices, PageContext } from '../frame.ts';
import { oneOf } from '../one-of.ts';
import { Crumbs } from '../parts/crumbs.tsx';
import { Choice, ReasonField, Tick } from '../parts/form.tsx';
import { StateMark } from '../parts/rollout.tsx';
import { type RolloutOutcome, RolloutPreview } from '../parts/rollout-outcome.tsx';
import { MarkDetail } from '../parts/state.tsx';
import { Steering } from '../parts/steering.tsx';
import { Version } from '../parts/version.tsx';
import { channelPath } from '../parts/words.ts';
import { readTexts } from '../read-form.ts';
import { renderPage } from '../render.tsx';
import { ROLLOUT_FORMS, type RolloutValues, readRolloutInput } from '../rollout-verbs.ts';
import type { Session } from '../sessions.ts';

interface RolloutVerbProps {
  channel: Stored<Channel>;
  rollout: RolloutView;
  verb: RolloutVerb;
  values: RolloutValues;
  outcome: RolloutOutcome | null;
  actor: Actor;
  session: Session;
  now: Date;
}

function RolloutVerbPage(props: RolloutVerbProps) {
  const { channel, rollout, verb, values, outcome, session, now } = props;
  const { title, explanation } = ROLLOUT_FORMS[verb];
  const action = channelPath(channel.name, `/rollout/${verb}`);
  return (
    <>
      <Crumbs channel={channel.name} />
      <div class="heading">
        <h1>{title}</h1>
        <p class="now">
          {channel.name} rolls out{' '}
          <span class="target">
            <Version version={rollout.to} />
          </span>{' '}
          <StateMark state={rollout.state} />
        </p>
      </div>
      <Steering
        {...{ action, session }}
        back={channelPath(channel.name)}
        explanation={
          <>
            <p>{explanation}</p>
            <MarkDetail name="Held" mark={channel.hold} now={now} />
          </>
        }
        outcome={outcome && <RolloutPreview {...{ rollout, verb, values, outcome, session, action }} />}
      >
        <RolloutFields {...props} />
      </Steering>
    </>
  );
}

function RolloutFields({ verb, values, rollout, actor }: RolloutVerbProps) {
  const { fields, anyGroup = '', force = '' } = ROLLOUT_FORMS[verb];
  return (
    <>
      {fields.includes('group') && (
        <Choice
          label="Group"
          name="group"
          value={values.group ?? ''}
          options={[['', anyGroup], ...rollout.groups.map(({ name }): [string, string] => [name, name])]}
        />
      )}
      <ReasonField value={values.reason} autofocus />
      {fields.includes('skipCanaries') && (
        <Tick label="Without canaries" name="skipCanaries" checked={values.skipCanaries === 'true'} />
      )}
      {fields.includes('force') && <Tick label={force} name="force" checked={values.force === 'true'} />}
      {fields.includes('overrideFreeze') && may(actor, 'override-freeze') && (
        <Tick label="Although a freeze holds" name="overrideFreeze" checked={values.overrideFreeze === 'true'} />
      )}
    </>
  );
}

const STEER = `/channels/:channel/rollout/:verb${oneOf(ROLLOUT_VERBS)}`;

/** `/channels/NAME/rollout/VERB`: the form, its preview, and the change itself. */
export function rolloutVerbPages({ channels, rollouts, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();

  async function show(c: PageContext, verb: RolloutVerb, values: RolloutValues, outcome: RolloutOutcome | null) {
    const channel = channels.read(c.req.param('channel') ?? '');
    const rollout = await rollouts.read(channel.name);
    const error = outcome?.error;
    return renderPage(
      c,
      {
        title: `${ROLLOUT_FORMS[verb].title}: ${channel.name}`,
        section: 'fleet',
        status: error ? STATUS[error.code] : 200,
      },
      <RolloutVerbPage
        {...{ channel, rollout, verb, values, outcome }}
        actor={c.get('actor')}
        session={c.get('session')}
        now={now()}
      />,
    );
  }

  app.get(STEER, (c) => {
    requirePermission(c.get('actor'), 'steer-rollout');
    const { group = '' } = c.req.query();
    return show(c, c.req.param('verb') as RolloutVerb, { group }, null);
  });

  app.post(STEER, async (c) => {
    const actor = c.get('actor');
    requirePermission(actor, 'steer-rollout');
    const verb = c.req.param('verb') as RolloutVerb;
    const { confirm, revision, ...values } = await readTexts(c);
    const { name } = channels.read(c.req.param('channel') ?? '');
    const request = confirm
      ? { actor, ifMatch: Number(revision), dryRun: false }
      : { actor, ifMatch: null, dryRun: true };
    try {
      const result = await rollouts.act(name, verb, readRolloutInput(verb, values), request);
      return request.dryRun
        ? await show(c, verb, values, { result, error: null })
        : c.redirect(channelPath(name, '#rollout'), 303);
    } catch (error) {
      if (!(error instanceof FairwayError)) throw error;
      return show(c, verb, values, { result: null, error, attempted: !request.dryRun });
    }
  });
  return app;
}
