import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { FairwayError } from '../domain/errors.ts';
import type { OperatorEnv } from './auth.ts';

/**
 * Refuses a query parameter that the route does not document. Otherwise `?dryrun=true` would make the change, and
 * `?olderthan=…` would list every agent. `base` is the path under which the routes of `api` are mounted.
 */
export function refuseUnknownParameters(api: OpenAPIHono<OperatorEnv>, base: string): MiddlewareHandler {
  let known: Map<string, string[]> | null = null;
  return (c, next) => {
    // The routes are added after this middleware.
    known ??= knownParameters(api, base);
    const method = c.req.method === 'HEAD' ? 'GET' : c.req.method;
    const route = matchedRoutes(c).find(({ path }) => known?.has(`${method} ${path}`));
    const names = route && known.get(`${method} ${route.path}`);
    const stranger = names && Object.keys(c.req.queries()).find((name) => !names.includes(name));
    if (stranger === undefined) return next();
    const there = names?.length ? names.join(', ') : 'none';
    throw new FairwayError('invalid', `there is no query parameter "${stranger}" here; the parameters are: ${there}`);
  };
}

/** The names of the query parameters, by method and by path as Hono writes it. */
function knownParameters(api: OpenAPIHono<OperatorEnv>, base: string): Map<string, string[]> {
  const routes = api.openAPIRegistry.definitions.flatMap((each) => (each.type === 'route' ? [each.route] : []));
  return new Map(
    routes.map((route) => {
      const path = base + route.path.replaceAll(/\{(\w+)\}/g, ':$1');
      return [`${route.method.toUpperCase()} ${path}`, parametersOf(route)];
    }),
  );
}

function parametersOf({ request }: RouteConfig): string[] {
  const query = request?.query;
  return query && 'shape' in query ? Object.keys(query.shape as object) : [];
}
