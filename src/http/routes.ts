import type { Route, RouteParts } from './route.ts';
import { healthRoutes } from './routes/health.ts';
import { jobRoutes } from './routes/jobs.ts';
import { searchRoutes } from './routes/search.ts';
import { specificationRoutes } from './routes/specification.ts';
import { uploadRoutes } from './routes/upload.ts';

/** Every route of a server, in the order of the docs. */
export function listRoutes(parts: RouteParts): Route[] {
  const routes = [...searchRoutes(parts), ...uploadRoutes(parts), ...jobRoutes(), ...healthRoutes(parts)];
  return [...routes, ...specificationRoutes(routes)];
}
