import type { Route, RouteParts } from './route.ts';
import { conversationRoutes } from './routes/conversations.ts';
import { healthRoutes } from './routes/health.ts';
import { searchRoutes } from './routes/search.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { specificationRoutes } from './routes/specification.ts';

/** Every route of a server, in the order of the docs. */
export function listRoutes(parts: RouteParts): Route[] {
  const routes = [
    ...searchRoutes(parts),
    ...sessionRoutes(),
    ...conversationRoutes(),
    ...healthRoutes(parts),
  ];
  return [...routes, ...specificationRoutes(routes)];
}
