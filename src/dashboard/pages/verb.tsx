import { Hono } from 'hono';
import { type Channel, VERBS } from '../../domain/channel.ts';
import type { Report } from '../../domain/compatibility.ts';
import { afterRefusal } from '../../domain/effects.ts';
import { FairwayError } from '../../domain/errors.ts';
import { describeMoment } from '../../domain/moment.ts';
import { type Actor, may, requirePermission } from '../../domain/role.ts';
import { isSchedulable } from '../../domain/schedule.ts';
import type { Stored } from '../../domain/snapshot.ts';
import { STATUS } from '../../http/errors.ts';
import type { Census } from '../../service/census-view.ts';
import type { ChangeRequest } from '../../service/change.ts';
import type { ChangingVerb } from '../../service/channels.ts';
import type { DashboardEnv, DashboardServices, PageContext } from '../frame.ts';
import { oneOf } from '../one-of.ts';
import { Crumbs } from '../parts/crumbs.tsx';
import { ChangePreview, type Outcome } from '../parts/outcome.tsx';
import { MarkDetail, Marks, Target } from '../parts/state.tsx';
import { Steering } from '../parts/steering.tsx';
import { VerbFields } from '../parts/verb-fields.tsx';
import { channelPath } from '../parts/words.ts';
import { readTexts } from '../read-form.ts';
import { renderPage } from '../render.tsx';
import type { Session } from '../sessions.ts';
import {
  marksCritical,
  readVerbInput,
  type TimedInput,
  type VerbValues,
  verbForm,
  withMoment,
  zoneOf,
} from '../verbs.ts';

interface VerbPageProps {
  channel: Stored<Channel>;
  verb: ChangingVerb;
  values: VerbValues;
  outcome: Outcome | null;
  /** Versions that the form offers. */
  versions: string[];
  session: Session;
  now: Date;
}

function VerbPage({ channel, verb, values, outcome, versions, session, now }: VerbPageProps) {
  const form = verbForm(verb, channel, values);
  const action = channelPath(channel.name, `/${verb}`);
  return (
    <>
      <Crumbs channel={channel.name} />
      <div class="heading">
        <h1>{form.title}</h1>
        <p class="now">
          {channel.name} is at <Target target={channel.target} /> <Marks channel={channel} />
        </p>
      </div>
      <Steering
        {...{ action, session }}
        back={channelPath(channel.name)}
        explanation={
          <>
            <p>{form.explanation}</p>
            <MarkDetail name="Pinned" mark={channel.pin} now={now} />
            <MarkDetail name="Held" mark={channel.hold} now={now} />
            {verb === 'critical' && <MarkDetail name="Critical" mark={channel.critical} now={now} />}
            {verb === 'critical' && !marksCritical(channel, values) && (
              <p>
                <a href={`${action}?critical=true`}>Mark it again, with another reason or end</a>
              </p>
            )}
          </>
        }
        outcome={
          outcome && (
            <>
              <ChangePreview {...{ channel, verb, values, outcome, session, action }} />
              {values.at && !outcome.error && (
                <p>It is scheduled for {describeMoment(new Date(values.at), zoneOf(values))}, and judged again then.</p>
              )}
              {values.until && !outcome.error && (
                <p class="muted">It ends at {describeMoment(new Date(values.until), zoneOf(values))}.</p>
              )}
            </>
          )
        }
      >
        <VerbFields verb={verb} channel={channel} values={values} versions={versions} now={now} />
      </Steering>
    </>
  );
}

const CHANGING_VERBS = VERBS.filter((verb) => verb !== 'check');
const STEER = `/channels/:channel/:verb${oneOf(CHANGING_VERBS)}`;

/** A verb with the values of its form, and the person who sent it. */
interface Attempt {
  channel: Stored<Channel>;
  verb: ChangingVerb;
  values: VerbValues;
  actor: Actor;
}

/** `/channels/NAME/VERB`: the form, its preview, and the change itself. */
export function verbPages({ channels, schedules, fleet, releases, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  /** Does it now, or schedules it if the form names a time. */
  const perform = (name: string, verb: ChangingVerb, { at, ...input }: TimedInput, request: ChangeRequest) =>
    at !== undefined && isSchedulable(verb)
      ? schedules.accept(name, verb, { ...input, at }, request)
      : channels.act(name, verb, input, request);

  function show(c: PageContext, verb: ChangingVerb, values: VerbValues, outcome: Outcome | null) {
    const channel = channels.read(c.req.param('channel') ?? '');
    const error = outcome?.error;
    return renderPage(
      c,
      {
        title: `${verbForm(verb, channel, values).title}: ${channel.name}`,
        section: 'fleet',
        status: error ? STATUS[error.code] : 200,
      },
      <VerbPage
        {...{ channel, verb, values, outcome }}
        versions={suggest(verb, channel, releases.list(c.get('actor')))}
        session={c.get('session')}
        now={now()}
      />,
    );
  }

  app.get(STEER, (c) => {
    const verb = c.req.param('verb') as ChangingVerb;
    requirePermission(c.get('actor'), verb);
    const { version = '', stepped = '', critical } = c.req.query();
    return show(c, verb, { version, stepped, ...(critical === undefined ? {} : { critical }) }, null);
  });

  app.post(STEER, async (c) => {
    const actor = c.get('actor');
    const verb = c.req.param('verb') as ChangingVerb;
    requirePermission(actor, verb);
    const { confirm, revision, ...typed } = (await readTexts(c)) as VerbForms;
    const channel = channels.read(c.req.param('channel') ?? '');
    let values: VerbValues = typed;
    try {
      values = withMoment(typed, now());
    } catch (error) {
      return show(c, verb, typed, await explain({ channel, verb, values: typed, actor }, error));
    }
    const attempt = { channel, verb, values, actor };
    if (confirm) {
      try {
        const ifMatch = Number(revision);
        await perform(channel.name, verb, readVerbInput(verb, values), { actor, ifMatch, dryRun: false });
        return c.redirect(channelPath(channel.name), 303);
      } catch (error) {
        return show(c, verb, values, { ...(await explain(attempt, error)), attempted: true });
      }
    }
    return show(c, verb, values, await preview(attempt));
  });

  async function preview(attempt: Attempt): Promise<Outcome> {
    const { channel, verb, values, actor } = attempt;
    try {
      const input = readVerbInput(verb, values);
      const request = { actor, ifMatch: null, dryRun: true };
      const [{ channel: after, report }, census] = await Promise.all([
        perform(channel.name, verb, input, request),
        fleet.census(channel.name),
      ]);
      return { after, report, census, error: null, overridable: false, attempted: false };
    } catch (error) {
      return explain(attempt, error);
    }
  }

  /** Describes an error, and whether the caller could override it. Throws what is not a `FairwayError`. */
  async function explain(attempt: Attempt, error: unknown): Promise<Outcome> {
    if (!(error instanceof FairwayError)) throw error;
    const { channel, values, actor } = attempt;
    const report = (error.code === 'refused' && (error.details.report as Report | undefined)) || null;
    const mark = { by: actor.name, at: now().toISOString(), until: null, reason: values.reason ?? '' };
    const after = report ? afterRefusal(channel, report.target, values.critical === 'true' ? mark : null) : channel;
    const census: Census | null = report && (await fleet.census(channel.name));
    const overridable = report !== null && (await couldOverride(attempt, report.stranded));
    return { after, report, census, error, overridable, attempted: false };
  }

  async function couldOverride({ channel, verb, values, actor }: Attempt, stranded: number): Promise<boolean> {
    if (!may(actor, 'accept-stranding')) return false;
    const input = { ...readVerbInput(verb, values), acceptStranding: stranded };
    return perform(channel.name, verb, input, { actor, ifMatch: null, dryRun: true }).then(
      () => true,
      () => false,
    );
  }

  return app;
}

const MAX_SUGGESTIONS = 40;

/** The versions that the form suggests: from the lineage for rolling back, otherwise from the catalogue. */
function suggest(
  verb: ChangingVerb,
  { target, lineage }: Channel,
  known: ReturnType<DashboardServices['releases']['list']>,
): string[] {
  if (verb === 'roll-back') return lineage.slice(0, -1).reverse();
  return known
    .flatMap(({ version, pulled, embargoed }) => (pulled || embargoed || version === target ? [] : version))
    .slice(0, MAX_SUGGESTIONS);
}

type VerbForms = VerbValues & { confirm?: string; revision?: string; ends?: string };
