import { Hono } from 'hono';
import type { EvidenceSource } from '../../domain/census.ts';
import { FairwayError } from '../../domain/errors.ts';
import { type Actor, requirePermission } from '../../domain/role.ts';
import { count } from '../../domain/words.ts';
import { STATUS } from '../../http/errors.ts';
import { Decide } from '../../http/schemas/evidence.ts';
import { validated } from '../../http/validation.ts';
import type { Census } from '../../service/census-view.ts';
import type { EvidenceResult } from '../../service/evidence.ts';
import { EVIDENCE_ACTS, EVIDENCE_FORMS, type EvidenceAct } from '../evidence-acts.ts';
import type { DashboardEnv, DashboardServices, PageContext } from '../frame.ts';
import { oneOf } from '../one-of.ts';
import { ChangeTable } from '../parts/change-table.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Crumbs } from '../parts/crumbs.tsx';
import { EvidenceView, evidencePath } from '../parts/evidence.tsx';
import { Fault, outcomeTitle } from '../parts/fault.tsx';
import { ReasonField } from '../parts/form.tsx';
import { Steering } from '../parts/steering.tsx';
import { channelPath, SOURCE_WORDS } from '../parts/words.ts';
import { readTexts } from '../read-form.ts';
import { renderPage } from '../render.tsx';
import type { Session } from '../sessions.ts';

/** What the form holds; the figures are those of the preview. */
interface Values {
  reason?: string;
  before?: string;
  after?: string;
}

/** What it would do, or why it is refused. `attempted`: this was the change itself, not its preview. */
type Outcome = { result: EvidenceResult; error: null } | { result: null; error: FairwayError; attempted: boolean };

interface EvidencePageProps {
  act: EvidenceAct;
  source: string;
  census: Census;
  values: Values;
  outcome: Outcome | null;
  session: Session;
}

function EvidencePage({ act, source, census, values, outcome, session }: EvidencePageProps) {
  const { title, explanation } = EVIDENCE_FORMS[act];
  const { channel } = census;
  const action = channelPath(channel, `/evidence/${encodeURIComponent(source)}/${act}`);
  return (
    <>
      <Crumbs channel={channel} />
      <div class="heading">
        <h1>{title}</h1>
        <p class="now">
          {sourceWords(source)} of {channel}
        </p>
      </div>
      <Steering
        {...{ action, session }}
        back={evidencePath(channel)}
        explanation={
          <>
            <p>{explanation}</p>
            <EvidenceView evidence={census.sources} />
          </>
        }
        outcome={outcome && <Preview {...{ act, source, channel, values, outcome, session, action }} />}
      >
        <ReasonField value={values.reason} autofocus />
      </Steering>
    </>
  );
}

interface PreviewProps extends Pick<EvidencePageProps, 'act' | 'source' | 'values' | 'session'> {
  channel: string;
  outcome: Outcome;
  action: string;
}

function Preview({ act, source, channel, values, outcome, session, action }: PreviewProps) {
  if (outcome.error) {
    return (
      <>
        <h2>{outcomeTitle(outcome.error, outcome.attempted)}</h2>
        <Fault error={outcome.error} />
      </>
    );
  }
  const { before, after } = outcome.result;
  const figures = { before: String(before), after: String(after) };
  return (
    <>
      <h2>Preview</h2>
      <ChangeTable
        rows={[[sourceWords(source), count(before, 'agent'), act === 'accept' ? count(after, 'agent') : 'nothing']]}
      />
      <p>
        {act === 'accept'
          ? `Agents that the ${sourceWords(source)} of ${channel} no longer lists are forgotten; those that check in by themselves stay.`
          : `Verdicts about ${channel} rest on the other sources then. Without any, every version that was served recently is taken to be in use.`}
      </p>
      <Confirm {...{ action, session }} values={{ reason: values.reason, ...figures }}>
        <button type="submit" class={act === 'accept' ? 'primary' : 'danger'}>
          {act === 'accept' ? `Accept ${count(after, 'agent')}` : `Forget the ${sourceWords(source)}`}
        </button>
      </Confirm>
    </>
  );
}

const sourceWords = (source: string): string => SOURCE_WORDS[source as EvidenceSource] ?? source;

const PATH = `/channels/:channel/evidence/:source/:act${oneOf(EVIDENCE_ACTS)}`;

/** `/channels/NAME/evidence/SOURCE/accept` and `…/forget`: the form, its preview, and the change itself. */
export function evidencePages({ evidences, fleet }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  const read = (c: PageContext) => {
    const { channel = '', source = '', act = '' } = c.req.param();
    return { channel, source, act: act as EvidenceAct };
  };

  async function show(c: PageContext, values: Values, outcome: Outcome | null) {
    const { channel, source, act } = read(c);
    const error = outcome?.error;
    return renderPage(
      c,
      {
        title: `${EVIDENCE_FORMS[act].title}: ${sourceWords(source)} of ${channel}`,
        section: 'fleet',
        status: error ? STATUS[error.code] : 200,
      },
      <EvidencePage
        {...{ act, source, values, outcome }}
        census={await fleet.census(channel)}
        session={c.get('session')}
      />,
    );
  }

  /** Throws `revision_mismatch` where the source says something else than the preview showed. */
  async function change(c: PageContext, { before, after, ...form }: Values, actor: Actor) {
    const { channel, source, act } = read(c);
    const input = validated(Decide, { reason: form.reason ?? '' });
    const preview = await evidences[act](channel, source, input, { actor, dryRun: true });
    if (before === undefined) return preview;
    if (String(preview.before) !== before || String(preview.after) !== after) {
      const message = `the ${sourceWords(source)} of ${channel} was read again since the preview and has other figures; preview the change again`;
      throw new FairwayError('revision_mismatch', message);
    }
    return evidences[act](channel, source, input, { actor, dryRun: false });
  }

  app.get(PATH, (c) => {
    requirePermission(c.get('actor'), EVIDENCE_FORMS[read(c).act].action);
    return show(c, {}, null);
  });
  app.post(PATH, async (c) => {
    const actor = c.get('actor');
    const { channel, act } = read(c);
    requirePermission(actor, EVIDENCE_FORMS[act].action);
    const { confirm, reason, before = '', after = '' } = await readTexts(c);
    const values = { ...(reason === undefined ? {} : { reason }), ...(confirm ? { before, after } : {}) };
    try {
      const result = await change(c, values, actor);
      return confirm ? c.redirect(evidencePath(channel), 303) : await show(c, values, { result, error: null });
    } catch (error) {
      if (!(error instanceof FairwayError)) throw error;
      return show(c, values, { result: null, error, attempted: confirm !== undefined });
    }
  });
  return app;
}
