import { Hono } from 'hono';
import type { TagPlan } from '../../domain/docker-tags.ts';
import { STAGE_STATES, type StageState, TRANSITIONS } from '../../domain/promotion.ts';
import type { Artifact, ArtifactSet, Release } from '../../domain/release.ts';
import { type Actor, may } from '../../domain/role.ts';
import { clock, who } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import type { PromotionView } from '../../service/promotions.ts';
import { unlessAway, unlessMissing } from '../away.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { ChannelLinks } from '../parts/channel-links.tsx';
import { ReleaseCrumbs } from '../parts/crumbs.tsx';
import { Moment } from '../parts/moment.tsx';
import { ReleaseChanges } from '../parts/release-changes.tsx';
import { Next } from '../parts/release-outcome.tsx';
import { ReleaseMarks } from '../parts/release-state.tsx';
import { byChannel, Stages } from '../parts/stages.tsx';
import { maybeVersion, Version } from '../parts/version.tsx';
import { releasePath } from '../parts/words.ts';
import { RELEASE_VERB_FORMS, type ReleaseVerb } from '../release-verbs.ts';
import { renderPage } from '../render.tsx';

/** The verbs that make sense for a release in its current state, without those for a single stage or change. */
function verbsFor({ embargoed, pulled }: Release, promotion: PromotionView | null, actor: Actor): ReleaseVerb[] {
  const running = promotion?.stages.flatMap(({ stage, state, agents }) => [
    ...(stage === promotion.stage ? [state] : []),
    ...(agents ? [agents.state] : []),
  ]);
  const ways = Object.assign({}, ...(running ?? []).map((state) => (isStageState(state) ? TRANSITIONS[state] : {})));
  const verbs: [ReleaseVerb, boolean][] = [
    ['promote', 'start' in ways && !pulled],
    ['expedite', 'supersede' in ways && promotion?.expedited === null && !pulled],
    ['halt', 'halt' in ways],
    ['resume', 'resume' in ways && !pulled],
    ['supersede', 'supersede' in ways],
    ['lift-embargo', embargoed],
    ['pull', !pulled],
  ];
  return verbs.flatMap(([verb, fits]) => (fits && may(actor, RELEASE_VERB_FORMS[verb].action) ? [verb] : []));
}

const isStageState = (state: string): state is StageState => (STAGE_STATES as readonly string[]).includes(state);

const Steer = ({ version, verbs }: { version: string; verbs: ReleaseVerb[] }) => (
  <nav class="actions" aria-label="Actions">
    {verbs.map((verb, index) => (
      <a class={index === 0 && verb !== 'pull' ? 'button primary' : 'button'} href={releasePath(version, `/${verb}`)}>
        {RELEASE_VERB_FORMS[verb].title}
      </a>
    ))}
  </nav>
);

const ARTIFACT_WORDS: Record<ArtifactSet, string> = {
  controlPlane: 'Control plane',
  packages: 'Packages',
  helm: 'Helm charts',
};

function Artifacts({ artifacts, now }: { artifacts: Record<ArtifactSet, Artifact>; now: Date }) {
  return (
    <section class="panel">
      <h2>Artifacts</h2>
      <dl class="pairs">
        {(Object.keys(ARTIFACT_WORDS) as ArtifactSet[]).map((set) => {
          const { state, at } = artifacts[set];
          return (
            <>
              <dt>{ARTIFACT_WORDS[set]}</dt>
              <dd>
                {state} {at && <Moment at={at} now={now} />}
              </dd>
            </>
          );
        })}
      </dl>
    </section>
  );
}

function Origin({
  release: { commit, cutAt, previous, includes = [], registered },
  now,
}: {
  release: Release;
  now: Date;
}) {
  return (
    <section class="panel">
      <h2>Origin</h2>
      <dl class="pairs">
        <dt>Commit</dt>
        <dd>{commit ? <code>{commit}</code> : 'unknown'}</dd>
        <dt>Cut</dt>
        <dd>{cutAt ? (cutAt.length > 10 ? clock(cutAt) : cutAt) : 'unknown'}</dd>
        <dt>Previous</dt>
        <dd>{previous ? <Version version={previous} /> : 'none'}</dd>
        {includes.length > 0 && (
          <>
            <dt>Includes</dt>
            <dd>
              {includes.map((version) => (
                <Version version={version} />
              ))}
            </dd>
          </>
        )}
        <dt>Registered</dt>
        <dd>
          {registered ? (
            <>
              by {who(registered.by)} <Moment at={registered.at} now={now} />
            </>
          ) : (
            'imported from a history'
          )}
        </dd>
      </dl>
    </section>
  );
}

function Tags({ tags: { create, move } }: { tags: TagPlan }) {
  return (
    <section class="panel">
      <h2>Docker tags</h2>
      {create.length + move.length === 0 && <p class="muted">no tags are created or moved</p>}
      <ul class="changes">
        {create.map((tag) => (
          <li>
            <b>{tag}</b>: new, never moves
          </li>
        ))}
        {move.map((each) => (
          <li>
            <b>{each.tag}</b>: {moveWords(each)}
          </li>
        ))}
      </ul>
    </section>
  );
}

function moveWords({ from, to }: TagPlan['move'][number]): string {
  if (from === null) return `new, at ${to}`;
  return to === null ? `removed with ${from}` : `moves from ${from} to ${to}`;
}

interface ReleaseProps {
  release: Release;
  promotion: PromotionView | null;
  /** Why there is no promotion. */
  why: string | null;
  tags: TagPlan;
  servedBy: string[];
  censuses: readonly Census[] | null;
  actor: Actor;
  now: Date;
}

function ReleasePage({ release, promotion, why, tags, servedBy, censuses, actor, now }: ReleaseProps) {
  const { version, pulled, changes } = release;
  return (
    <>
      <ReleaseCrumbs />
      <section class="panel hero">
        <div>
          <h1>{maybeVersion(version)}</h1>
          <p class="muted">
            {servedBy.length === 0 ? (
              'not served by any channel'
            ) : (
              <>
                served by <ChannelLinks names={servedBy} all={`/?q=${encodeURIComponent(version)}`} />
              </>
            )}{' '}
            <ReleaseMarks release={release} />
          </p>
        </div>
        <Steer version={version} verbs={verbsFor(release, promotion, actor)} />
        {pulled && (
          <p class="mark-detail">
            <b>Pulled</b> by {who(pulled.by)} <Moment at={pulled.at} now={now} />: {pulled.reason}
          </p>
        )}
      </section>
      <section class="panel">
        <h2>Promotion</h2>
        {promotion ? (
          <>
            <Next next={promotion.next} />
            {promotion.expedited && (
              <p>
                Expedited by {who(promotion.expedited.by)}: {promotion.expedited.reason}
              </p>
            )}
            {promotion.supersededBy && (
              <p>
                Superseded by{' '}
                <a href={releasePath(promotion.supersededBy)}>
                  <Version version={promotion.supersededBy} linked />
                </a>
                .
              </p>
            )}
            <Stages {...{ promotion, now }} censuses={byChannel(censuses)} mayApprove={may(actor, 'approve')} />
          </>
        ) : (
          <p class="muted">{why}</p>
        )}
      </section>
      <section class="panel">
        <h2>Changes</h2>
        {changes.length === 0 ? (
          <p class="muted">No changes were registered with this release.</p>
        ) : (
          <ReleaseChanges {...{ version, changes, now }} maySignOff={may(actor, 'sign-off')} />
        )}
      </section>
      <div class="thirds">
        <Artifacts artifacts={release.artifacts} now={now} />
        <Tags tags={tags} />
        <Origin release={release} now={now} />
      </div>
    </>
  );
}

/** `/releases/VERSION`. */
export function releasePage({ releases, promotions, channels, fleet, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/releases/:version', async (c) => {
    const actor = c.get('actor');
    const release = releases.read(c.req.param('version'), actor);
    const { version } = release;
    const [{ value: promotion, why }, censuses] = await Promise.all([
      unlessMissing(promotions.read(version, actor)),
      unlessAway(fleet.censuses()),
    ]);
    return renderPage(
      c,
      { title: version, section: 'releases', live: true },
      <ReleasePage
        {...{ release, promotion, why, censuses, actor }}
        tags={releases.tags(version, actor)}
        servedBy={channels.list().flatMap(({ name, target }) => (target === version ? [name] : []))}
        now={now()}
      />,
    );
  });
  return app;
}
