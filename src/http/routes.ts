import type { Route, RouteParts } from './route.ts';
import { collectionRoutes } from './routes/collections.ts';
import { documentRoutes } from './routes/documents.ts';
import { examineRoutes } from './routes/examine.ts';
import { healthRoutes } from './routes/health.ts';
import { jobRoutes } from './routes/jobs.ts';
import { mapRoutes } from './routes/map.ts';
import { mcpRoutes } from './routes/mcp.ts';
import { meRoutes } from './routes/me.ts';
import { pageRoutes } from './routes/page.ts';
import { searchRoutes } from './routes/search.ts';
import { specificationRoutes } from './routes/specification.ts';
import { uploadRoutes } from './routes/upload.ts';

/** Every route of a server, in the order of the docs. */
export function listRoutes(parts: RouteParts): Route[] {
  const routes = [
    ...searchRoutes(parts),
    ...examineRoutes(),
    ...collectionRoutes(),
    ...documentRoutes(),
    ...uploadRoutes(parts),
    ...jobRoutes(),
    ...meRoutes(parts),
    ...mapRoutes(),
    ...mcpRoutes(parts.mcpSessions),
    ...healthRoutes(parts),
  ];
  return [...routes, ...specificationRoutes(routes), ...pageRoutes()];
}
