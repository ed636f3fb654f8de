import type { Child } from 'hono/jsx';
import type { Session } from '../sessions.ts';
import { CsrfField, Hidden } from './form.tsx';

interface ConfirmProps {
  action: string;
  /** The revision that the person saw of what changes; left out where the values say what they saw. */
  revision?: number;
  /** The values of the form that this confirms. */
  values: Record<string, string | readonly string[] | undefined>;
  session: Session;
  children?: Child;
}

/** Sends the same input again, with the revision: the change is made only if nothing has changed since the preview. */
export const Confirm = ({ action, revision, values, session, children }: ConfirmProps) => (
  <form method="post" action={action} class="confirm">
    <CsrfField session={session} />
    <Hidden name="confirm" value="yes" />
    <Hidden name="revision" value={revision} />
    <HiddenValues values={values} />
    <div class="actions">{children}</div>
  </form>
);

/** Values of a form that are sent again as they are. */
export const HiddenValues = ({ values }: Pick<ConfirmProps, 'values'>) => (
  <>
    {Object.entries(values).flatMap(([name, value]) =>
      [value].flat().map((each) => <Hidden name={name} value={each} />),
    )}
  </>
);
