import { IncomingMessage, type RequestListener } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Settings } from '../config/settings.ts';
import { createDashboard, type DashboardOptions } from '../dashboard/app.ts';
import { createAuthenticator } from '../http/auth.ts';
import { createEventStreams } from '../http/event-streams.ts';
import { createOperatorApi, type OperatorApiOptions } from '../http/operator.ts';
import type { State } from '../service/state.ts';
import { listen } from './listen.ts';

/** The listener of operators, Prometheus and probes. */
export interface OperatorSide {
  url: string;
  /** Is no longer ready from now on; drains, ends event streams, then closes. */
  close(): Promise<void>;
}

/** What belongs to the listener itself is made here. */
type Own = 'authenticator' | 'events' | 'ready' | 'importIdle' | 'github' | 'openApi';

export type OperatorSideOptions = Omit<OperatorApiOptions, Own> &
  Omit<DashboardOptions, Own> & { state: State; settings: Settings };

/** An inventory may be 64 MiB. */
const REQUEST_TIMEOUT = 300_000;

/** Serves the API and the pages. Rejects with `invalid` if the address cannot be had. */
export async function openOperatorSide({ settings, ...parts }: OperatorSideOptions): Promise<OperatorSide> {
  const { state, now } = parts;
  const { drain, deadline } = settings.shutdown;
  let leaving = false;
  const stopping = new AbortController();
  const access = {
    authenticator: createAuthenticator(settings.tokens, now),
    events: createEventStreams(state, stopping.signal),
  };
  const { app, openApi } = createOperatorApi({
    ...parts,
    ...access,
    importIdle: settings.fleet.importIdle,
    github: settings.github,
    ready: () => state.peek() !== null && !leaving,
  });
  app.route('/', createDashboard({ ...parts, ...access, openApi }));
  // HTTP/1.0 needs no Host, and health checks of load balancers send none.
  const handle = getRequestListener(app.fetch, { hostname: 'localhost' }) as RequestListener;
  const listener = await listen(handle, {
    ...settings.operator,
    Request: IncomingMessage,
    requestTimeout: REQUEST_TIMEOUT,
  });
  return {
    url: listener.url,
    async close() {
      leaving = true;
      await listener.drain(drain);
      stopping.abort();
      await listener.close(deadline);
    },
  };
}
