import { Hono } from 'hono';
import { MAX_SEGMENTS } from '../../domain/channel.ts';
import { FairwayError } from '../../domain/errors.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { channelPath } from '../parts/words.ts';

/** `/channels/stable/v16`: an address that a person typed leads to the page of the channel with slashes in its name. */
export function unencodedPages({ channels }: Pick<DashboardServices, 'channels'>) {
  const app = new Hono<DashboardEnv>();
  app.get('/channels/*', (c) => {
    const { pathname, search } = new URL(c.req.url);
    const parts = pathname.split('/').slice(2);
    const names = new Set(channels.list().map(({ name }) => name));
    for (let length = Math.min(parts.length, MAX_SEGMENTS); length > 1; length--) {
      const name = decode(parts.slice(0, length).join('/'));
      const rest = parts.slice(length).map((part) => `/${part}`);
      if (names.has(name)) return c.redirect(channelPath(name, rest.join('') + search), 302);
    }
    throw new FairwayError('not_found', `there is no page ${c.req.path}; start from the fleet page`);
  });
  return app;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
