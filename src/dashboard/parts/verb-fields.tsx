import type { Channel } from '../../domain/channel.ts';
import { describeMoment } from '../../domain/moment.ts';
import type { ChangingVerb } from '../../service/channels.ts';
import { marksCritical, type VerbValues, verbForm, zoneOf } from '../verbs.ts';
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
      {fields.includes('until') && <UntilField values={values} now={now} />}
      {fields.includes('at') && (
        <Field
          label="Not now, but at (optional)"
          name="at"
          value={values.at}
          maxlength={60}
          placeholder="2h, tomorrow 04:00 or 2026-11-22T18:00"
          hint={<ZoneHint values={values} now={now} />}
        />
      )}
      {(fields.includes('until') || fields.includes('at')) && <Hidden name="zone" value={zoneOf(values)} />}
    </>
  );
}

/** The usual ends, each a click away. */
const ENDS = { '': 'No end, or the one below', '1h': '+1 h', '4h': '+4 h', 'tomorrow 08:00': 'Tomorrow 08:00' };

/** When the change ends. The script of the page says which zone the person is in; without it, times are in UTC. */
function UntilField({ values, now }: Pick<VerbFieldsProps, 'values' | 'now'>) {
  return (
    <>
      <fieldset class="ends">
        <legend>Ends</legend>
        {Object.entries(ENDS).map(([end, words]) => (
          <label>
            <input type="radio" name="ends" value={end} checked={end === ''} /> {words}
          </label>
        ))}
      </fieldset>
      <Field
        label="Until (optional)"
        name="until"
        value={values.until}
        maxlength={60}
        placeholder="2h, 18:00 or 2026-11-22T18:00"
        hint={<ZoneHint values={values} now={now} />}
      />
    </>
  );
}

function ZoneHint({ values, now }: Pick<VerbFieldsProps, 'values' | 'now'>) {
  const zone = zoneOf(values);
  return (
    <>
      In the time zone <span data-zone>{zone}</span>. It is now {describeMoment(now, zone)}.
    </>
  );
}

function placeholder(verb: ChangingVerb, { lineage, target }: Channel): string {
  if (verb === 'roll-forward') return target ? `newer than ${target}` : '';
  if (verb === 'roll-back') return lineage.at(-2) ?? 'no earlier target; enter a version';
  return target ?? '';
}
