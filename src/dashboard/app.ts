import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import type { Logger } from 'pino';
import { FairwayError } from '../domain/errors.ts';
import type { Authenticator } from '../http/auth.ts';
import { hideEmbargoed } from '../http/embargo.ts';
import type { EventStreams } from '../http/event-streams.ts';
import { assetRoutes } from './assets.ts';
import type { DashboardEnv, DashboardServices, PageContext } from './frame.ts';
import { agentPages } from './pages/agents.tsx';
import { auditPages } from './pages/audit.tsx';
import { changePage } from './pages/change.tsx';
import { channelPage } from './pages/channel.tsx';
import { checkPage } from './pages/check.tsx';
import { controlPlanePages } from './pages/control-planes.tsx';
import { docsPage } from './pages/docs.tsx';
import { answerError } from './pages/error.tsx';
import { evidencePages } from './pages/evidence.tsx';
import { fleetPage } from './pages/fleet.tsx';
import { freezePages } from './pages/freezes.tsx';
import { historyPage } from './pages/history.tsx';
import { promotionPages } from './pages/promotions.tsx';
import { releasePage } from './pages/release.tsx';
import { releaseVerbPages } from './pages/release-verb.tsx';
import { releasePages } from './pages/releases.tsx';
import { rolloutSettingsPages } from './pages/rollout-settings.tsx';
import { rolloutVerbPages } from './pages/rollout-verb.tsx';
import { scheduledPages } from './pages/scheduled.tsx';
import { settingsPages } from './pages/settings.tsx';
import { signInPages } from './pages/sign-in.tsx';
import { stagePage } from './pages/stage.tsx';
import { unencodedPages } from './pages/unencoded.ts';
import { verbPages } from './pages/verb.tsx';
import { createFrame } from './render.tsx';
import { createSessions } from './sessions.ts';
import { createSignIn, type Guest } from './sign-in.ts';

export interface DashboardOptions extends DashboardServices {
  authenticator: Authenticator;
  events: EventStreams;
  /** The OpenAPI document that `/docs` shows. */
  openApi: () => object;
  /** People who may sign in with a click. */
  guests: readonly Guest[];
  log: Logger;
}

/** Bytes; a usual form has a few hundred, but one of 20 groups with conditions and freezes has more. */
const MAX_FORM = 256 * 1024;

const HEADERS = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  referrerPolicy: 'same-origin',
  // The proxy decides whether this host is always behind TLS.
  strictTransportSecurity: false,
});

/** The pages of the operator listener, to read and steer without a command line. They also work without JavaScript. */
export function createDashboard(options: DashboardOptions) {
  const { authenticator, events, log } = options;
  const signIn = createSignIn(authenticator, createSessions(options.now));
  const app = new Hono<DashboardEnv>();

  app.use(HEADERS);
  app.use(async (c, next) => {
    c.set('frame', createFrame(options));
    await next();
    if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store');
  });
  app.use(bodyLimit({ maxSize: MAX_FORM, onError: tooLarge }));
  app.onError((error, c) => answerError(error, c, log));

  app.route('/', assetRoutes());
  app.use(signIn.recognise);
  app.use(hideEmbargoed(options.state));
  app.route('/', docsPage(options.openApi));
  app.route('/', signInPages(signIn, options.guests));
  app.use('/live', signIn.require);
  app.get('/live', (c) => openLive(c, events));
  const pages = [
    fleetPage,
    channelPage,
    historyPage,
    checkPage,
    settingsPages,
    agentPages,
    evidencePages,
    freezePages,
    scheduledPages,
    verbPages,
    rolloutVerbPages,
    rolloutSettingsPages,
    controlPlanePages,
    promotionPages,
    releasePages,
    releasePage,
    changePage,
    releaseVerbPages,
    stagePage,
    auditPages,
    unencodedPages,
  ];
  for (const page of pages.map((create) => create(options))) {
    // Every path of a page requires a session.
    for (const { path } of page.routes) app.use(path, signIn.require);
    app.route('/', page);
  }
  app.get('*', (c, next) => {
    if (!c.req.header('accept')?.includes('text/html')) return next();
    throw new FairwayError('not_found', `there is no page ${c.req.path}; start from the fleet page`);
  });
  return app;
}

/** Milliseconds after which a browser asks again for a stream. */
const ASK_AGAIN_MS = 30_000;

/** A browser cannot see why a stream is refused, so one too many is told in an event, and asks again later. */
function openLive(c: PageContext, events: EventStreams): Response {
  try {
    return events.open(c, c.get('actor'));
  } catch (error) {
    if (!(error instanceof FairwayError) || error.code !== 'rate_limited') throw error;
    const headers = { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' };
    return c.body(`retry: ${ASK_AGAIN_MS}\nevent: full\ndata: {}\n\n`, 200, headers);
  }
}

function tooLarge(): never {
  throw new FairwayError('too_large', `a form may have at most ${MAX_FORM / 1024} KiB; shorten the text`);
}
