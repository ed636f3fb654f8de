import { Hono } from 'hono';
import { type Channel, DEFAULT_SETTINGS } from '../../domain/channel.ts';
import { FairwayError } from '../../domain/errors.ts';
import { requirePermission } from '../../domain/role.ts';
import { VERSION_KINDS } from '../../domain/version.ts';
import { STATUS } from '../../http/errors.ts';
import * as schemas from '../../http/schemas/channels.ts';
import { validated } from '../../http/validation.ts';
import type { DashboardEnv, DashboardServices, PageContext } from '../frame.ts';
import { Crumbs } from '../parts/crumbs.tsx';
import { CsrfField, Field } from '../parts/form.tsx';
import { channelPath } from '../parts/words.ts';
import { readForm } from '../read-form.ts';
import { renderPage } from '../render.tsx';
import type { Session } from '../sessions.ts';

/** The values of the form. The name and target of an existing channel cannot be changed here. */
type Values = Pick<Channel, 'name' | 'description' | 'accepts'> & {
  controlPlane: string;
  toolsVersion: string;
  target: string;
  reason: string;
};

interface SettingsFormProps {
  exists: boolean;
  values: Values;
  controlPlanes: string[];
  fault: FairwayError | null;
  session: Session;
}

const EMPTY: Values = {
  name: '',
  description: '',
  accepts: DEFAULT_SETTINGS.accepts,
  controlPlane: '',
  toolsVersion: '',
  target: '',
  reason: '',
};

function SettingsForm({ exists, values, controlPlanes, fault, session }: SettingsFormProps) {
  const { name } = values;
  return (
    <>
      {exists ? <Crumbs channel={name} /> : <Crumbs />}
      <h1>{exists ? 'Settings' : 'New channel'}</h1>
      <section class="panel form-width">
        {fault && (
          <p class="fault" role="alert">
            {fault.message}
          </p>
        )}
        <form method="post" action={exists ? channelPath(name, '/settings') : '/new-channel'}>
          <CsrfField session={session} />
          {!exists && (
            <Field
              label="Name"
              name="name"
              value={name}
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
          <Kinds accepts={values.accepts} />
          <Field
            label={exists ? 'Reason' : 'Reason (optional)'}
            name="reason"
            value={values.reason}
            required={exists}
            maxlength={500}
          />
          <p class="actions">
            <button type="submit" class="primary">
              {exists ? 'Change the settings' : 'Create the channel'}
            </button>
            <a class="button" href={exists ? channelPath(name) : '/'}>
              Cancel
            </a>
          </p>
        </form>
      </section>
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

/** `/new-channel` and `/channels/NAME/settings`. */
export function settingsPages({ channels, controlPlanes }: DashboardServices) {
  const app = new Hono<DashboardEnv>();

  const show = (c: PageContext, exists: boolean, values: Values, fault: FairwayError | null) =>
    renderPage(
      c,
      {
        title: exists ? `Settings of ${values.name}` : 'New channel',
        section: 'fleet',
        status: fault ? STATUS[fault.code] : 200,
      },
      <SettingsForm
        {...{ exists, values, fault }}
        controlPlanes={controlPlanes.list().map(({ name }) => name)}
        session={c.get('session')}
      />,
    );

  async function save(c: PageContext, exists: boolean, values: Values) {
    try {
      const { name, change } = readChange(values, exists);
      const request = { actor: c.get('actor'), ifMatch: exists ? null : 0, dryRun: false };
      await channels.put(name, change, request);
      return c.redirect(channelPath(name), 303);
    } catch (error) {
      if (error instanceof FairwayError) return show(c, exists, values, error);
      throw error;
    }
  }

  app.get('/new-channel', (c) => {
    requirePermission(c.get('actor'), 'put-channel');
    return show(c, false, EMPTY, null);
  });
  app.post('/new-channel', async (c) => {
    requirePermission(c.get('actor'), 'put-channel');
    return save(c, false, await readValues(c));
  });
  app.get('/channels/:channel/settings', (c) => {
    requirePermission(c.get('actor'), 'put-channel');
    const channel = channels.read(c.req.param('channel'));
    const { name, description, accepts } = channel;
    const optional = { controlPlane: channel.controlPlane ?? '', toolsVersion: channel.toolsVersion ?? '' };
    return show(c, true, { ...EMPTY, name, description, accepts, ...optional }, null);
  });
  app.post('/channels/:channel/settings', async (c) => {
    requirePermission(c.get('actor'), 'put-channel');
    const { name } = channels.read(c.req.param('channel'));
    return save(c, true, { ...(await readValues(c)), name });
  });
  return app;
}

async function readValues(c: PageContext): Promise<Values> {
  const form = await readForm(c);
  const text = (field: string) => String(form[field] ?? '').trim();
  return {
    name: text('name'),
    description: text('description'),
    accepts: [form.accepts ?? []].flat() as Values['accepts'],
    controlPlane: text('controlPlane'),
    toolsVersion: text('toolsVersion'),
    target: text('target'),
    reason: text('reason'),
  };
}

/** Reads the form with the API's own schemas. Throws `invalid`. */
function readChange({ name, target, reason, controlPlane, toolsVersion, ...settings }: Values, exists: boolean) {
  const named = validated(schemas.ChannelName, name);
  const { dryRun: _, ...change } = validated(schemas.PutChannel, {
    ...settings,
    controlPlane: controlPlane || null,
    toolsVersion: toolsVersion || null,
    ...(target && !exists && { target }),
    ...((reason || exists) && { reason }),
  });
  return { name: named, change };
}
