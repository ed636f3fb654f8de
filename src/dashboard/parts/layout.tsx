import type { Child } from 'hono/jsx';
import { who } from '../../domain/words.ts';
import { assetUrl } from '../assets.ts';
import type { Frame, Section } from '../frame.ts';
import { CsrfField } from './form.tsx';

const NAVIGATION: { section: Section; href: string; label: string }[] = [
  { section: 'fleet', href: '/', label: 'Fleet' },
  { section: 'control-planes', href: '/control-planes', label: 'Control planes' },
  { section: 'releases', href: '/releases', label: 'Releases' },
  { section: 'audit', href: '/audit', label: 'Audit' },
  { section: 'docs', href: '/docs', label: 'API' },
];

// Only elements that ask for it are swapped, and a refresh must not close what a person has opened.
const HTMX_CONFIG = JSON.stringify({ history: false, morphIgnore: ['data-htmx-powered', 'open'] });

interface LayoutProps {
  title: string;
  section: Section | null;
  /** The address to reload when the state changes; null if the page does not reload itself. */
  live: string | null;
  /** Whether it shows a chart. */
  chart: boolean;
  frame: Frame;
  children?: Child;
}

/** The HTML document around every page. */
export function Layout({ title, section, live, chart, frame, children }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="htmx-config" content={HTMX_CONFIG} />
        <title>{`${title} · Fairway`}</title>
        <link rel="icon" href={assetUrl('favicon.svg')} type="image/svg+xml" />
        <link rel="stylesheet" href={assetUrl('app.css')} />
        <script src={assetUrl('htmx.js')} defer />
        <script src={assetUrl('app.js')} defer />
        {live !== null && <script src={assetUrl('live.js')} defer />}
        {chart && (
          <>
            <link rel="stylesheet" href={assetUrl('uplot.css')} />
            <script src={assetUrl('uplot.js')} defer />
            <script src={assetUrl('chart.js')} defer />
          </>
        )}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <TopBar section={section} frame={frame} />
        <Main live={live} frame={frame}>
          {children}
        </Main>
        <p id="connection" role="status" />
      </body>
    </html>
  );
}

function Main({ live, frame: { revision, trouble }, children }: MainProps) {
  const refresh =
    live === null
      ? {}
      : {
          'hx-get': live,
          'hx-trigger': 'fairway:refresh from:body',
          'hx-select': '#main',
          'hx-swap': 'outerMorph ignoreTitle:true',
          // What is shown, so that the script knows whether news are new.
          'data-revision': revision ?? '',
          'data-trouble': trouble?.is ?? '',
        };
  return (
    <main id="main" {...refresh}>
      {trouble && (
        <p class="banner" role="alert">
          {trouble.text}
        </p>
      )}
      {children}
    </main>
  );
}

interface MainProps {
  live: string | null;
  frame: Frame;
  children?: Child;
}

function TopBar({ section, frame: { session } }: { section: Section | null; frame: Frame }) {
  const links = session ? NAVIGATION : NAVIGATION.filter((entry) => entry.section === 'docs');
  return (
    <header class="top">
      <a class="brand" href="/">
        <img src={assetUrl('favicon.svg')} alt="" width="22" height="22" />
        Fairway
      </a>
      <nav aria-label="Main">
        {links.map(({ section: to, href, label }) => (
          <a href={href} aria-current={to === section ? 'page' : undefined}>
            {label}
          </a>
        ))}
      </nav>
      {session ? (
        <form class="who" method="post" action="/sign-out">
          <CsrfField session={session} />
          <span>
            {who(session.actor.name)} <small>{session.actor.role}</small>
          </span>
          <button type="submit" class="quiet">
            Sign out
          </button>
        </form>
      ) : (
        <a class="who" href="/sign-in">
          Sign in
        </a>
      )}
    </header>
  );
}
