import type { Child } from 'hono/jsx';
import type { Session } from '../sessions.ts';

/** Proves that a form came from this session's own page. */
export const CsrfField = ({ session }: { session: Pick<Session, 'csrf'> }) => (
  <input type="hidden" name="csrf" value={session.csrf} />
);

interface FieldProps {
  label: string;
  name: string;
  value?: string | undefined;
  hint?: Child;
  type?: 'text' | 'datetime-local' | 'number' | 'password' | 'search';
  required?: boolean;
  maxlength?: number;
  placeholder?: string;
  /** Suggested values; any other is allowed too. */
  suggestions?: string[];
  autofocus?: boolean;
}

/** A labelled input. */
export function Field({ label, name, value, hint, type = 'text', suggestions, ...rest }: FieldProps) {
  const hintId = hint ? `hint-${name}` : undefined;
  const listId = suggestions && suggestions.length > 0 ? `list-${name}` : undefined;
  return (
    <p class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type={type}
        value={value ?? ''}
        list={listId}
        aria-describedby={hintId}
        autocomplete="off"
        {...rest}
      />
      {listId && (
        <datalist id={listId}>
          {suggestions?.map((suggestion) => (
            <option value={suggestion} />
          ))}
        </datalist>
      )}
      {hint && <small id={hintId}>{hint}</small>}
    </p>
  );
}

/** The reason of a change, as the audit log keeps it. */
export const ReasonField = ({
  value,
  optional = false,
  autofocus,
}: Pick<FieldProps, 'value' | 'autofocus'> & { optional?: boolean }) => (
  <Field
    label={optional ? 'Reason (optional)' : 'Reason'}
    name="reason"
    value={value}
    required={!optional}
    maxlength={500}
    autofocus={autofocus}
    hint="For the audit log, and for the people who read it later."
  />
);

interface ChoiceProps {
  label: string;
  name: string;
  value: string;
  options: [value: string, words: string][];
}

/** A labelled list to choose from. */
export const Choice = ({ label, name, value, options }: ChoiceProps) => (
  <p class="field">
    <label for={name}>{label}</label>
    <select id={name} name={name}>
      {options.map(([each, words]) => (
        <option value={each} selected={each === value}>
          {words}
        </option>
      ))}
    </select>
  </p>
);

/** A labelled box to tick. */
export const Tick = ({ label, name, checked }: { label: string; name: string; checked: boolean }) => (
  <p class="field tick">
    <input id={name} name={name} type="checkbox" value="true" checked={checked} />
    <label for={name}>{label}</label>
  </p>
);

export const Hidden = ({ name, value }: { name: string; value: string | number | undefined }) =>
  value === undefined ? null : <input type="hidden" name={name} value={value} />;
