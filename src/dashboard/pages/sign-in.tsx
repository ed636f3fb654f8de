import { Hono } from 'hono';
import { FairwayError } from '../../domain/errors.ts';
import { STATUS } from '../../http/errors.ts';
import type { DashboardEnv, PageContext } from '../frame.ts';
import { CsrfField, Field, Hidden } from '../parts/form.tsx';
import { readForm } from '../read-form.ts';
import { renderPage } from '../render.tsx';
import { type Guest, localPath, type SignIn } from '../sign-in.ts';

interface SignInFormProps {
  csrf: string;
  next: string;
  fault: string | null;
  guests: readonly Guest[];
}

function SignInForm({ csrf, next, fault, guests }: SignInFormProps) {
  return (
    <section class="narrow panel">
      <h1>Sign in</h1>
      {fault && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {guests.map(({ name, role, token }) => (
        <form method="post" action="/sign-in">
          <CsrfField session={{ csrf }} />
          <Hidden name="next" value={next} />
          <Hidden name="token" value={token} />
          <p class="actions">
            <button type="submit" class="primary">
              Sign in as {name} ({role})
            </button>
          </p>
        </form>
      ))}
      <form method="post" action="/sign-in">
        <CsrfField session={{ csrf }} />
        <Hidden name="next" value={next} />
        <Field
          label="Token"
          name="token"
          type="password"
          required
          maxlength={500}
          autofocus
          hint={
            <>
              The token that you use with the command line. A server that first starts without tokens writes one to{' '}
              <code>admin-token</code> in its data directory.
            </>
          }
        />
        <p class="actions">
          <button type="submit" class="primary">
            Sign in
          </button>
        </p>
      </form>
    </section>
  );
}

/** `/sign-in` and `/sign-out`. */
export function signInPages(signIn: SignIn, guests: readonly Guest[]) {
  const app = new Hono<DashboardEnv>();
  const show = (c: PageContext, next: string, fault: FairwayError | null) =>
    renderPage(
      c,
      { title: 'Sign in', section: null, status: fault ? STATUS[fault.code] : 200 },
      <SignInForm csrf={signIn.offer(c)} next={next} fault={fault?.message ?? null} guests={guests} />,
    );

  app.get('/sign-in', (c) => {
    const next = localPath(c.req.query('next'));
    return c.get('session') ? c.redirect(next, 303) : show(c, next, null);
  });
  app.post('/sign-in', async (c) => {
    const form = await readForm(c);
    const next = localPath(String(form.next ?? ''));
    try {
      await signIn.enter(c, { token: String(form.token ?? '').trim(), csrf: String(form.csrf ?? '') });
      return c.redirect(next, 303);
    } catch (error) {
      if (error instanceof FairwayError) return show(c, next, error);
      throw error;
    }
  });
  app.post('/sign-out', signIn.require, (c) => {
    signIn.leave(c);
    return c.redirect('/sign-in', 303);
  });
  return app;
}
