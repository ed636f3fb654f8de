import type { Logger } from 'pino';
import { STATUS, TITLES, toFairwayError } from '../../http/errors.ts';
import type { PageContext } from '../frame.ts';
import { renderPage } from '../render.tsx';
import { signInPath } from '../sign-in.ts';

/** Answers an error as a page, in the API's own words. A person who is not signed in is sent to the sign-in page. */
export function answerError(error: Error, c: PageContext, log: Logger): Response {
  const known = toFairwayError(error);
  if (known.code === 'internal') log.error({ err: error, method: c.req.method, path: c.req.path }, 'request failed');
  if (known.code === 'unauthenticated') return goToSignIn(c);
  const retryAfter = known.details.retryAfter;
  if (retryAfter !== undefined) c.header('Retry-After', String(retryAfter));
  if (c.req.header('hx-request')) placeError(c);
  const title = TITLES[known.code];
  return renderPage(
    c,
    { title, section: null, status: STATUS[known.code] },
    <section class="narrow panel">
      <h1>{title}</h1>
      <p class="fault" role="alert">
        {known.message}
      </p>
      <p class="actions">
        <a class="button" href="/">
          Go to the fleet
        </a>
      </p>
    </section>,
  );
}

/** A page that was only reloading itself stays as it is; for any other request, the error replaces the content. */
function placeError(c: PageContext): void {
  const refreshes = c.req.method === 'GET' && c.req.header('hx-target')?.endsWith('#main');
  c.header('HX-Reswap', refreshes ? 'none' : 'outerHTML');
  c.header('HX-Retarget', '#main');
  c.header('HX-Reselect', '#main');
}

function goToSignIn(c: PageContext): Response {
  // A script follows redirects by itself and would put the sign-in page into the middle of this page.
  if (c.req.header('hx-request')) return c.body(null, 401, { 'HX-Redirect': '/sign-in' });
  if (c.req.path === '/live') return c.body(null, 401);
  return c.redirect(signInPath(c), 303);
}
