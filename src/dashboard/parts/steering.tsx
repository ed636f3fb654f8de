import type { Child } from 'hono/jsx';
import type { Session } from '../sessions.ts';
import { CsrfField } from './form.tsx';

interface SteeringProps {
  action: string;
  /** Where Cancel leads. */
  back: string;
  session: Session;
  /** The text above the form. */
  explanation?: Child;
  /** The preview; null before it was asked for. */
  outcome: Child | null;
  /** The fields. */
  children?: Child;
}

/** A form, with its preview next to it. */
export const Steering = ({ action, back, session, explanation, outcome, children }: SteeringProps) => (
  <div class="columns">
    <section class="panel">
      {explanation}
      <form
        method="post"
        action={action}
        hx-post={action}
        hx-target="#outcome"
        hx-select="#outcome"
        hx-swap="outerHTML"
        hx-disable="find button"
      >
        <CsrfField session={session} />
        {children}
        <p class="actions">
          <button type="submit" class="primary">
            Preview the change
          </button>
          <a class="button" href={back}>
            Cancel
          </a>
        </p>
      </form>
    </section>
    <section id="outcome" class="panel" aria-live="polite">
      {outcome ?? <p class="muted empty">The preview appears here. Nothing changes until you confirm it.</p>}
    </section>
  </div>
);
