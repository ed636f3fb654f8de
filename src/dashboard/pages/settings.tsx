import { Hono } from 'hono';
import type { Channel } from '../../domain/channel.ts';
import type { Report } from '../../domain/compatibility.ts';
import { FairwayError } from '../../domain/errors.ts';
import { PURPOSES } from '../../domain/purpose.ts';
import { type Actor, may, requirePermission } from '../../domain/role.ts';
import type { Stored } from '../../domain/snapshot.ts';
import { VERSION_KINDS } from '../../domain/version.ts';
import { STATUS } from '../../http/errors.ts';
import type { DashboardEnv, DashboardServices, PageContext } from '../frame.ts';
import { Crumbs } from '../parts/crumbs.tsx';
import { Field, Hidden } from '../parts/form.tsx';
import { type SettingsOutcome, SettingsPreview } from '../parts/settings-outcome.tsx';
import { Steering } from '../parts/steering.tsx';
import { channelPath } from '../parts/words.ts';
import { renderPage } from '../render.tsx';
import type { Session } from '../sessions.ts';
import { EMPTY_SETTINGS, readChange, readSettings, type SettingsValues, valuesOf } from '../settings-form.ts';

/** What a person sent: the revision that they saw (0: a new channel), and what they typed. */
interface Attempt {
  /** Null for a new channel. */
  channel: Stored<Channel> | null;
  revision: number;
  values: SettingsValues;
  actor: Actor;
}

interface SettingsFormProps extends Omit<Attempt, 'actor'> {
  controlPlanes: string[];
  outcome: SettingsOutcome | null;
  session: Session;
}

function SettingsForm({ channel, revision, values, controlPlanes, outcome, session }: SettingsFormProps) {
  const exists = channel !== null;
  const action = exists ? channelPath(channel.name, '/settings') : '/new-channel';
  return (
    <>
      {exists ? <Crumbs channel={channel.name} /> : <Crumbs />}
      <h1>{exists ? 'Settings' : 'New channel'}</h1>
      <Steering
        {...{ action, session }}
        back={exists ? channelPath(channel.name) : '/'}
        outcome={
          outcome && (
            <SettingsPreview
              {...{ revision, outcome, action, session }}
              before={exists ? valuesOf(channel) : EMPTY_SETTINGS}
              present={channel?.revision ?? 0}
              values={values}
            />
          )
        }
      >
        <Hidden name="revision" value={revision} />
        {!exists && (
          <Field
            label="Name"
            name="name"
            value={values.name}
            required
            maxlength={128}
            autofocus
            hint="The name in the agents’ configuration, for example stable/cloud."
          />
        )}
        <Field label="Description (optional)" name="description" value={values.description} maxlength={500} />
        <Field
          label="Control plane (optional)"
          name="controlPlane"
          value={values.controlPlane}
          maxlength={64}
          suggestions={controlPlanes}
          hint="Targets are compared with the version that the control plane runs."
        />
        {!exists && (
          <Field
            label="Target (optional)"
            name="target"
            value={values.target}
            maxlength={100}
            hint="Without a target, agents get no version and stay where they are."
          />
        )}
        <Field
          label="Client tools (optional)"
          name="toolsVersion"
          value={values.toolsVersion}
          maxlength={100}
          hint="The version for tsh and tctl. If empty, they get the target."
        />
        <Field
          label="Purpose (optional)"
          name="purpose"
          value={values.purpose}
          maxlength={20}
          suggestions={[...PURPOSES]}
          hint="What the channel is for, as RFD 12 has it. Accepted kinds that it does not take are an override."
        />
        <Kinds accepts={values.accepts} />
        <Field
          label={exists ? 'Reason' : 'Reason (optional)'}
          name="reason"
          value={values.reason}
          required={exists}
          maxlength={500}
        />
      </Steering>
    </>
  );
}

const Kinds = ({ accepts }: Pick<Channel, 'accepts'>) => (
  <fieldset>
    <legend>Accepted kinds of version</legend>
    {VERSION_KINDS.map((kind) => (
      <label>
        <input type="checkbox" name="accepts" value={kind} checked={accepts.includes(kind)} /> {kind}
      </label>
    ))}
  </fieldset>
);

/** `/new-channel` and `/channels/NAME/settings`: the form, its preview, and the change itself. */
export function settingsPages({ channels, controlPlanes }: DashboardServices) {
  const app = new Hono<DashboardEnv>();

  function show(c: PageContext, attempt: Omit<Attempt, 'actor'>, outcome: SettingsOutcome | null) {
    const error = outcome?.error;
    return renderPage(
      c,
      {
        title: attempt.channel ? `Settings of ${attempt.channel.name}` : 'New channel',
        section: 'fleet',
        status: error ? STATUS[error.code] : 200,
      },
      <SettingsForm
        {...attempt}
        outcome={outcome}
        controlPlanes={controlPlanes.list().map(({ name }) => name)}
        session={c.get('session')}
      />,
    );
  }

  function put({ channel, revision, values, actor }: Attempt, dryRun: boolean, acceptStranding?: number) {
    const { name, change } = readChange(values, channel !== null);
    const accepted = acceptStranding === undefined ? {} : { acceptStranding };
    return channels.put(name, { ...change, ...accepted }, { actor, ifMatch: revision, dryRun });
  }

  /** Previews the change, or makes it. Throws what is not a `FairwayError`. */
  async function attemptIt(attempt: Attempt, confirm: boolean, accepted?: number): Promise<SettingsOutcome> {
    try {
      const { report } = await put(attempt, !confirm, accepted);
      return { report, error: null };
    } catch (error) {
      if (!(error instanceof FairwayError)) throw error;
      const report = (error.code === 'refused' && (error.details.report as Report | undefined)) || null;
      const overridable = report !== null && (await couldOverride(attempt, report.stranded));
      return { report, error, overridable, attempted: confirm };
    }
  }

  async function couldOverride(attempt: Attempt, stranded: number): Promise<boolean> {
    if (!may(attempt.actor, 'accept-stranding')) return false;
    return put(attempt, true, stranded).then(
      () => true,
      () => false,
    );
  }

  async function answer(c: PageContext, channel: Stored<Channel> | null) {
    const { confirm, acceptStranding, revision, values } = await readSettings(c);
    const name = channel?.name ?? values.name;
    const attempt = { channel, revision, values: { ...values, name }, actor: c.get('actor') };
    const outcome = await attemptIt(attempt, confirm, acceptStranding);
    return confirm && !outcome.error ? c.redirect(channelPath(name), 303) : show(c, attempt, outcome);
  }

  app.get('/new-channel', (c) => {
    requirePermission(c.get('actor'), 'put-channel');
    return show(c, { channel: null, revision: 0, values: EMPTY_SETTINGS }, null);
  });
  app.post('/new-channel', async (c) => {
    requirePermission(c.get('actor'), 'put-channel');
    return answer(c, null);
  });
  app.get('/channels/:channel/settings', (c) => {
    requirePermission(c.get('actor'), 'put-channel');
    const channel = channels.read(c.req.param('channel'));
    return show(c, { channel, revision: channel.revision, values: valuesOf(channel) }, null);
  });
  app.post('/channels/:channel/settings', async (c) => {
    requirePermission(c.get('actor'), 'put-channel');
    return answer(c, channels.read(c.req.param('channel')));
  });
  return app;
}
