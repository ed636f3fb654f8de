import type { Child } from 'hono/jsx';
import { FREEZE_EXEMPTIONS } from '../../domain/freeze.ts';
import { DEFAULT_GROUP, MAX_GROUPS, STRATEGIES, UNMATCHED } from '../../domain/rollout-settings.ts';
import { DEFAULT_WATCH, REACTIONS } from '../../domain/watch-settings.ts';
import { DAYS } from '../../domain/window.ts';
import { placesOf, type RolloutTexts, textOf, ticksOf } from '../rollout-form.ts';
import { Choice, Field, Tick } from './form.tsx';

interface TextsProps {
  texts: RolloutTexts;
}

interface PlaceProps extends TextsProps {
  /** The names of its fields begin with this, such as `groups.0`. */
  at: string;
}

const STRATEGY_WORDS: Record<(typeof STRATEGIES)[number], string> = {
  'halt-on-error': 'once its agents run the target',
  'time-based': 'when its window is over',
};

const UNMATCHED_WORDS: Record<(typeof UNMATCHED)[number], string> = {
  last: 'belong to the last group',
  hold: 'are held back: never told to update',
};

const REACTION_WORDS: Record<(typeof REACTIONS)[number], string> = {
  halt: 'halt the move',
  'roll-back': 'halt it, and go back',
};

/** The groups of a channel, in order, with empty places for more. */
export function GroupFields({ texts }: TextsProps) {
  const places = placesOf(texts, 'groups');
  return (
    <>
      <h2>Groups</h2>
      <p class="muted">
        Agents go to a new target group after group, in this order. Without groups, all go at once. At most {MAX_GROUPS}
        ; save to get more empty places.
      </p>
      <Choice
        label="A group is done"
        name="strategy"
        value={textOf(texts, 'strategy')}
        options={STRATEGIES.map((each) => [each, STRATEGY_WORDS[each]])}
      />
      <Choice
        label="Agents of no group"
        name="unmatched"
        value={textOf(texts, 'unmatched')}
        options={UNMATCHED.map((each) => [each, UNMATCHED_WORDS[each]])}
      />
      {Array.from({ length: places }, (_, index) => (
        <Group texts={texts} at={`groups.${index}`} number={index + 1} />
      ))}
    </>
  );
}

function Group({ texts, at, number }: PlaceProps & { number: number }) {
  const text = (field: string) => textOf(texts, `${at}.${field}`);
  const name = text('name');
  return (
    <Fold title={name ? `${number}. ${name}` : `${number}. New group`}>
      <Field label="Name" name={`${at}.name`} value={name} maxlength={64} />
      <Field
        label="Spellings"
        name={`${at}.match`}
        value={text('match')}
        hint="By which agents name the group, separated by commas. If empty, its name."
      />
      <div class="fields">
        <Field
          label="Canaries"
          name={`${at}.canaries`}
          value={text('canaries')}
          placeholder={String(DEFAULT_GROUP.canaries)}
          hint="Agents that go first, 0 to 10."
        />
        <Field
          label="Waves"
          name={`${at}.waves`}
          value={text('waves')}
          placeholder="100"
          hint="Percentages, ascending to 100: 10, 50, 100"
        />
        <Field
          label="Soak"
          name={`${at}.soak`}
          value={text('soak')}
          placeholder="0s"
          hint="How long canaries, and then each wave, are watched: 1h"
        />
        <Field
          label="Hours to wait"
          name={`${at}.waitHours`}
          value={text('waitHours')}
          placeholder="0"
          hint="After the group before began."
        />
        <Field
          label="Alert after"
          name={`${at}.alertAfter`}
          value={text('alertAfter')}
          placeholder={DEFAULT_GROUP.alertAfter}
          hint="How long it may take."
        />
      </div>
      <Ticks
        legend="Days"
        name={`${at}.days`}
        ticked={`${at}.days` in texts || name !== '' ? ticksOf(texts, `${at}.days`) : DAYS}
        options={DAYS}
      />
      <WindowFields texts={texts} at={`${at}.window`} />
      <div class="fields">
        <Field
          label="Move to place (optional)"
          name={`${at}.place`}
          value={text('place')}
          placeholder={String(number)}
        />
        {name && <Tick label="Remove this group" name={`${at}.remove`} checked={text('remove') === 'true'} />}
      </div>
    </Fold>
  );
}

/** The window of a group, or of the whole channel. */
export function WindowFields({ texts, at }: PlaceProps) {
  const text = (field: string) => textOf(texts, `${at}.${field}`);
  return (
    <div class="fields">
      <Field label="Window opens" name={`${at}.start`} value={text('start')} maxlength={5} placeholder="04:00" />
      <Field label="For" name={`${at}.for`} value={text('for')} maxlength={20} placeholder="6h" />
      <Field
        label="Time zone"
        name={`${at}.timeZone`}
        value={text('timeZone')}
        maxlength={64}
        placeholder="UTC"
        hint="Such as Europe/Berlin."
      />
    </div>
  );
}

/** What is looked at after a move; what is left empty is the usual. */
export function WatchFields({ texts }: TextsProps) {
  const text = (field: string) => textOf(texts, field);
  return (
    <Fold title="Watch">
      <p class="muted">
        What is looked at after every move, with or without groups. Empty fields have the usual values.
      </p>
      <div class="fields">
        <Field
          label="Watch for"
          name="watch.for"
          value={text('watch.for')}
          placeholder={DEFAULT_WATCH.for}
          hint="0s: not at all."
        />
        <Field
          label="Most that reverted"
          name="watch.maxReverted"
          value={text('watch.maxReverted')}
          placeholder={String(DEFAULT_WATCH.maxReverted)}
        />
        <Field
          label="Most that vanished"
          name="watch.maxVanished"
          value={text('watch.maxVanished')}
          placeholder={String(DEFAULT_WATCH.maxVanished)}
        />
        <Field
          label="Most that failed"
          name="watch.maxFailed"
          value={text('watch.maxFailed')}
          placeholder={String(DEFAULT_WATCH.maxFailed)}
        />
      </div>
      <Choice
        label="When it looks bad"
        name="watch.then"
        value={text('watch.then')}
        options={[
          ['', `the usual: ${REACTION_WORDS[DEFAULT_WATCH.then]}`],
          ...REACTIONS.map((each): [string, string] => [each, REACTION_WORDS[each]]),
        ]}
      />
      {Array.from({ length: placesOf(texts, 'conditions') }, (_, index) => `conditions.${index}`).map((at, index) => (
        <fieldset class="place">
          <legend>Condition {index + 1}</legend>
          <Field label="Name" name={`${at}.name`} value={text(`${at}.name`)} maxlength={64} placeholder="error-rate" />
          <Field
            label="PromQL that must return a series"
            name={`${at}.query`}
            value={text(`${at}.query`)}
            maxlength={4096}
          />
          <Field label="May fail for" name={`${at}.for`} value={text(`${at}.for`)} maxlength={20} placeholder="1m" />
        </fieldset>
      ))}
    </Fold>
  );
}

/** The times in which the target does not move forward. */
export const FreezeFields = ({ texts, zone }: TextsProps & { zone: string }) => (
  <Fold title="Freezes">
    <p class="muted">
      While a freeze holds, the target does not move forward. Times are in the time zone <span data-zone>{zone}</span>,
      unless they name one.
    </p>
    {Array.from({ length: placesOf(texts, 'freezes') }, (_, index) => `freezes.${index}`).map((at, index) => {
      const text = (field: string) => textOf(texts, `${at}.${field}`);
      const isNew = text('from') === '' && text('until') === '';
      return (
        <fieldset class="place">
          <legend>Freeze {index + 1}</legend>
          <div class="fields">
            <Field
              label="From"
              name={`${at}.from`}
              value={text('from')}
              maxlength={60}
              placeholder="2026-12-23T00:00"
            />
            <Field
              label="Until"
              name={`${at}.until`}
              value={text('until')}
              maxlength={60}
              placeholder="2026-12-27T00:00"
            />
          </div>
          <Field label="Why" name={`${at}.reason`} value={text('reason')} maxlength={500} />
          <Ticks
            legend="Lets through"
            name={`${at}.except`}
            ticked={isNew ? FREEZE_EXEMPTIONS : ticksOf(texts, `${at}.except`)}
            options={FREEZE_EXEMPTIONS}
          />
          {!isNew && <Tick label="Remove this freeze" name={`${at}.remove`} checked={text('remove') === 'true'} />}
        </fieldset>
      );
    })}
  </Fold>
);

interface TicksProps {
  legend: string;
  name: string;
  ticked: readonly string[];
  options: readonly string[];
}

const Ticks = ({ legend, name, ticked, options }: TicksProps) => (
  <fieldset>
    <legend>{legend}</legend>
    {options.map((each) => (
      <label>
        <input type="checkbox" name={name} value={each} checked={ticked.includes(each)} /> {each}
      </label>
    ))}
  </fieldset>
);

/** A part of a long form, which is folded until a person opens it. */
const Fold = ({ title, children }: { title: string; children?: Child }) => (
  <details class="fold">
    <summary>{title}</summary>
    {children}
  </details>
);
