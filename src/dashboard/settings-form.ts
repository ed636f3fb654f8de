import type { Context } from 'hono';
import { type Channel, DEFAULT_SETTINGS } from '../domain/channel.ts';
import * as schemas from '../http/schemas/channels.ts';
import { validated } from '../http/validation.ts';
import { readForm } from './read-form.ts';

/** The values of the form. The name and target of an existing channel cannot be changed here. */
export type SettingsValues = Pick<Channel, 'name' | 'description' | 'accepts'> & {
  purpose: string;
  controlPlane: string;
  toolsVersion: string;
  target: string;
  reason: string;
};

/** The form of a new channel. */
export const EMPTY_SETTINGS: SettingsValues = {
  name: '',
  description: '',
  accepts: DEFAULT_SETTINGS.accepts,
  purpose: '',
  controlPlane: '',
  toolsVersion: '',
  target: '',
  reason: '',
};

/** The form of a channel as it is. */
export function valuesOf({ name, description, accepts, purpose, controlPlane, toolsVersion }: Channel): SettingsValues {
  return {
    ...EMPTY_SETTINGS,
    ...{ name, description, accepts },
    purpose: purpose ?? '',
    controlPlane: controlPlane ?? '',
    toolsVersion: toolsVersion ?? '',
  };
}

/** A form as it was sent. */
interface Sent {
  confirm: boolean;
  revision: number;
  acceptStranding?: number;
  values: SettingsValues;
}

export async function readSettings(c: Context): Promise<Sent> {
  const form = await readForm(c);
  const text = (field: string) => String(form[field] ?? '').trim();
  const accepted = text('acceptStranding').replaceAll(',', '');
  return {
    confirm: text('confirm') !== '',
    // A form without a revision comes from a page that was never shown: no channel has this one.
    revision: /^\d{1,15}$/.test(text('revision')) ? Number(text('revision')) : -1,
    ...(accepted === '' ? {} : { acceptStranding: Number(accepted) }),
    values: {
      name: text('name'),
      description: text('description'),
      accepts: [form.accepts ?? []].flat() as SettingsValues['accepts'],
      purpose: text('purpose'),
      controlPlane: text('controlPlane'),
      toolsVersion: text('toolsVersion'),
      target: text('target'),
      reason: text('reason'),
    },
  };
}

/** Reads the form with the API's own schemas. Throws `invalid`. */
export function readChange(
  { name, target, reason, purpose, controlPlane, toolsVersion, ...settings }: SettingsValues,
  exists: boolean,
) {
  const named = validated(schemas.ChannelName, name);
  const { dryRun: _, ...change } = validated(schemas.PutChannel, {
    ...settings,
    purpose: purpose || null,
    controlPlane: controlPlane || null,
    toolsVersion: toolsVersion || null,
    ...(target && !exists && { target }),
    ...((reason || exists) && { reason }),
  });
  return { name: named, change };
}
