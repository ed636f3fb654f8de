import type { Child } from 'hono/jsx';
import type { Session } from '../sessions.ts';
import { CsrfField, Hidden } from './form.tsx';

interface ConfirmProps {
  action: string;
  /** Of what is changed, as it was seen. */
  revision: number;
  /** What was typed into the form that this confirms. */
  values: Record<string, string | undefined>;
  session: Session;
  children?: Child;
}

/** The same input once more, to be done if what it changes is still as it was seen. */
export const Confirm = ({ action, revision, values, session, children }: ConfirmProps) => (
  <form method="post" action={action} class="confirm">
    <CsrfField session={session} />
    <Hidden name="confirm" value="yes" />
    <Hidden name="revision" value={revision} />
    {Object.entries(values).map(([name, value]) => (
      <Hidden name={name} value={value} />
    ))}
    <div class="actions">{children}</div>
  </form>
);
