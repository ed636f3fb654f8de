import type { Child } from 'hono/jsx';
import { count, number } from '../../domain/words.ts';
import { Field } from './form.tsx';

interface OverrideProps {
  stranded: number;
  /** What the button does in addition. */
  label: string;
  /** Why these agents would be stranded, if not because of a version that they cannot go to. */
  explanation?: string | undefined;
  /** The form around the fields. */
  form: (fields: Child) => Child;
}

const STUCK = 'They would get a version that they cannot go to, and cannot be reached in any other way.';

/** Asks an admin to type the number of agents that a refused change strands. */
export const Override = ({ stranded, label, explanation = STUCK, form }: OverrideProps) => (
  <details class="glass">
    <summary>Override</summary>
    <p>
      {count(stranded, 'agent')} would be stranded. {explanation} This is recorded and counted.
    </p>
    {form(
      <>
        <Field
          label={`Type ${number(stranded)} to accept stranding ${count(stranded, 'agent')}`}
          name="acceptStranding"
          required
          maxlength={12}
        />
        <button type="submit" class="danger">
          {label}, and strand {count(stranded, 'agent')}
        </button>
      </>,
    )}
  </details>
);
