import type { Child } from 'hono/jsx';
import type { Session } from '../sessions.ts';
import { CsrfField, Hidden } from './form.tsx';

interface ConfirmProps {
  action: string;
  /** The revision that the person saw of what changes. */
  revision: number;
  /** The values of the form that this confirms. */
  values: Record<string, string | undefined>;
  session: Session;
  children?: Child;
}

/** Sends the same input again, with the revision: the change is made only if nothing has changed since the preview. */
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
