import type { Route, RouteParts } from './route.ts';
import { analyticsRoutes } from './routes/analytics.ts';
import { conversationRoutes } from './routes/conversations.ts';
import { factRoutes } from './routes/facts.ts';
import { healthRoutes } from './routes/health.ts';
import { maintenanceRoutes } from './routes/maintenance.ts';
import { promptRoutes } from './routes/prompts.ts';
import { queueRoutes } from './routes/queues.ts';
import { searchRoutes } from './routes/search.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { specificationRoutes } from './routes/specification.ts';
import { userPromptRoutes } from './routes/user-prompts.ts';

/** Every route of a server, in the order of the docs. */
export function listRoutes(parts: RouteParts): Route[] {
  const routes = [
    ...searchRoutes(parts),
    ...factRoutes(),
    ...sessionRoutes(),
    ...conversationRoutes(),
    ...promptRoutes(),
    ...userPromptRoutes(),
    ...queueRoutes(),
    ...analyticsRoutes(),
    ...maintenanceRoutes(),
    ...healthRoutes(parts),
  ];
  return [...routes, ...specificationRoutes(routes)];
}
