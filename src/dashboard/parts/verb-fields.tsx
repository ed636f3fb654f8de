import type { Channel } from '../../domain/channel.ts';
import type { ChangingVerb } from '../../service/channels.ts';
import { marksCritical, type VerbValues, verbForm } from '../verbs.ts';
import { Field, Hidden, ReasonField, Tick } from './form.tsx';

interface VerbFieldsProps {
  verb: ChangingVerb;
  channel: Channel;
  values: VerbValues;
  versions: string[];
  now: Date;
}

/** The fields of a verb's form; the first required one has the focus. */
export function VerbFields({ verb, channel, values, versions, now }: VerbFieldsProps) {
  const { fields, versionOptional } = verbForm(verb, channel, values);
  const hasVersion = fields.includes('version');
  return (
    <>
      {hasVersion && (
        <Field
          label={versionOptional ? 'Version (optional)' : 'Version'}
          name="version"
          value={values.version}
          required={!versionOptional}
          maxlength={100}
          suggestions={versions}
          placeholder={placeholder(verb, channel)}
          autofocus={!versionOptional}
        />
      )}
      <ReasonField value={values.reason} autofocus={!hasVersion || versionOptional} />
      {verb === 'critical' && <Hidden name="critical" value={String(marksCritical(channel, values))} />}
      {fields.includes('critical') && (
        <Tick
          label="Critical: agents upgrade at once, outside their maintenance window"
          name="critical"
          checked={values.critical === 'true'}
        />
      )}
      {fields.includes('stepped') && (
        <Tick
          label="In steps: across majors, one release at a time, each as soon as it strands no agent"
          name="stepped"
          checked={values.stepped === 'true'}
        />
      )}
      {fields.includes('until') && (
        <Field
          label="Until, in UTC (optional)"
          name="until"
          type="datetime-local"
          value={values.until}
          hint={`Ends at this time. It is now ${now.toISOString().slice(0, 16).replace('T', ' ')}.`}
        />
      )}
    </>
  );
}

function placeholder(verb: ChangingVerb, { lineage, target }: Channel): string {
  if (verb === 'roll-forward') return target ? `newer than ${target}` : '';
  if (verb === 'roll-back') return lineage.at(-2) ?? 'no earlier target; enter a version';
  return target ?? '';
}
