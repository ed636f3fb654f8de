import { Hono } from 'hono';
import type { Channel } from '../../domain/channel.ts';
import { FairwayError } from '../../domain/errors.ts';
import { knownZone } from '../../domain/moment.ts';
import { requirePermission } from '../../domain/role.ts';
import type { Stored } from '../../domain/snapshot.ts';
import { STATUS } from '../../http/errors.ts';
import type { DashboardEnv, DashboardServices, PageContext } from '../frame.ts';
import { Crumbs } from '../parts/crumbs.tsx';
import { Hidden, ReasonField } from '../parts/form.tsx';
import { FreezeFields, GroupFields, WatchFields, WindowFields } from '../parts/rollout-fields.tsx';
import { type RolloutSettingsOutcome, RolloutSettingsPreview } from '../parts/rollout-settings-outcome.tsx';
import { Steering } from '../parts/steering.tsx';
import { channelPath } from '../parts/words.ts';
import { readForm } from '../read-form.ts';
import { renderPage } from '../render.tsx';
import { type RolloutTexts, readRolloutChange, textOf, textsOf, withMoments } from '../rollout-form.ts';
import type { Session } from '../sessions.ts';

interface FormProps {
  channel: Stored<Channel>;
  /** The revision that the person saw. */
  revision: number;
  texts: RolloutTexts;
  outcome: RolloutSettingsOutcome | null;
  session: Session;
}

function RolloutSettingsForm({ channel, revision, texts, outcome, session }: FormProps) {
  const action = channelPath(channel.name, '/rollout/settings');
  const zone = knownZone(textOf(texts, 'zone') || 'UTC');
  return (
    <>
      <Crumbs channel={channel.name} />
      <h1>Groups, watch and freezes</h1>
      <Steering
        {...{ action, session }}
        back={channelPath(channel.name)}
        outcome={
          outcome && (
            <RolloutSettingsPreview
              {...{ revision, texts, outcome, action, session }}
              before={channel}
              present={channel.revision}
            />
          )
        }
      >
        <Hidden name="revision" value={revision} />
        <Hidden name="zone" value={zone} />
        <GroupFields texts={texts} />
        <h2>Moves of the channel</h2>
        <WatchFields texts={texts} />
        <FreezeFields texts={texts} zone={zone} />
        <fieldset class="place">
          <legend>Window without groups</legend>
          <WindowFields texts={texts} at="window" />
        </fieldset>
        <ReasonField value={textOf(texts, 'reason')} />
      </Steering>
    </>
  );
}

const PATH = '/channels/:channel/rollout/settings';

/** `/channels/NAME/rollout/settings`: the form, its preview, and the change itself. */
export function rolloutSettingsPages({ channels, now }: Pick<DashboardServices, 'channels' | 'now'>) {
  const app = new Hono<DashboardEnv>();

  function show(c: PageContext, props: Omit<FormProps, 'session'>) {
    const error = props.outcome?.error;
    return renderPage(
      c,
      {
        title: `Groups, watch and freezes of ${props.channel.name}`,
        section: 'fleet',
        status: error ? STATUS[error.code] : 200,
      },
      <RolloutSettingsForm {...props} session={c.get('session')} />,
    );
  }

  app.get(PATH, (c) => {
    requirePermission(c.get('actor'), 'put-channel');
    const channel = channels.read(c.req.param('channel'));
    return show(c, { channel, revision: channel.revision, texts: textsOf(channel), outcome: null });
  });

  app.post(PATH, async (c) => {
    const actor = c.get('actor');
    requirePermission(actor, 'put-channel');
    const channel = channels.read(c.req.param('channel'));
    const { csrf: _, confirm = '', revision: seen, ...sent } = (await readForm(c)) as RolloutTexts;
    const texts = withMoments(sent, now(), textOf(sent, 'zone') || 'UTC');
    // A form without a revision comes from a page that was never shown: no channel has this one.
    const revision = /^\d{1,15}$/.test(String(seen)) ? Number(seen) : -1;
    const dryRun = confirm === '';
    try {
      const change = readRolloutChange(texts);
      const { channel: after } = await channels.put(channel.name, change, { actor, ifMatch: revision, dryRun });
      return dryRun
        ? show(c, { channel, revision, texts, outcome: { after, error: null } })
        : c.redirect(channelPath(channel.name), 303);
    } catch (error) {
      if (!(error instanceof FairwayError)) throw error;
      return show(c, { channel, revision, texts, outcome: { after: null, error, attempted: !dryRun } });
    }
  });
  return app;
}
