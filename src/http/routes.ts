import type { Route, RouteParts } from './route.ts';
import { analyticsRoutes } from './routes/analytics.ts';
import { collectionRoutes } from './routes/collections.ts';
import { conversationRoutes } from './routes/conversations.ts';
import { documentRoutes } from './routes/documents.ts';
import { examineRoutes } from './routes/examine.ts';
import { factRoutes } from './routes/facts.ts';
import { healthRoutes } from './routes/health.ts';
import { jobRoutes } from './routes/jobs.ts';
import { maintenanceRoutes } from './routes/maintenance.ts';
import { mapRoutes } from './routes/map.ts';
import { mcpRoutes } from './routes/mcp.ts';
import { meRoutes } from './routes/me.ts';
import { pageRoutes } from './routes/page.ts';
import { promptRoutes } from './routes/prompts.ts';
import { queueRoutes } from './routes/queues.ts';
import { searchRoutes } from './routes/search.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { specificationRoutes } from './routes/specification.ts';
import { uploadRoutes } from './routes/upload.ts';
import { userPromptRoutes } from './routes/user-prompts.ts';

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
  return [...routes, ...specificationRoutes(routes), ...pageRoutes()];
}
