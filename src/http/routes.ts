import type { Route, RouteParts } from './route.ts';
import { healthRoutes } from './routes/health.ts';
import { mapRoutes } from './routes/map.ts';
import { mcpRoutes } from './routes/mcp.ts';
import { pageRoutes } from './routes/page.ts';
import { searchRoutes } from './routes/search.ts';
import { specificationRoutes } from './routes/specification.ts';

/** Every route of a server, in the order of the docs. */
export function listRoutes(parts: RouteParts): Route[] {
  const routes = [
    ...searchRoutes(parts),
    ...mapRoutes(),
    ...mcpRoutes(parts.mcpSessions),
    ...healthRoutes(parts),
  ];
  return [...routes, ...specificationRoutes(routes), ...pageRoutes()];
}
