import { setMaxListeners } from 'node:events';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import multipart from '@fastify/multipart';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { StackloreError } from '../errors.ts';
import { startIngestWorker } from '../jobs/start-ingest-worker.ts';
import { McpSessions } from '../mcp/http-sessions.ts';
import type { Stacklore } from '../stacklore.ts';
import type { Access } from './access.ts';
import { sendJson, sendProblem, validate } from './answer.ts';
import { followConnections } from './end-connections.ts';
import { addHooks } from './hooks.ts';
import { createLogger } from './log.ts';
import { createMeasures } from './measure.ts';
import { statusOf } from './openapi.ts';
import type { ServeOptions } from './options.ts';
import type { Route } from './route.ts';
import { listRoutes } from './routes.ts';

declare module 'fastify' {
  interface FastifyRequest {
    access: Access;
  }
  interface FastifyContextConfig {
    route?: Route;
  }
}

/** What a server is made of. */
export interface ServerParts {
  readonly lore: Stacklore;
  readonly options: ServeOptions;
  readonly log?: FastifyBaseLogger;
}

/** Makes the HTTP server, not listening yet. Closing it ends streams and waits for what is under way. */
export async function createServer({
  lore,
  options,
  log = createLogger(options),
}: ServerParts): Promise<FastifyInstance> {
  const stopping = new AbortController();
  // Every stream listens to it.
  setMaxListeners(0, stopping.signal);
  const server = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: options.bodyLimit,
    requestTimeout: options.requestTimeoutMs,
    http: { connectionsCheckingInterval: Math.min(CHECKED_EVERY_MS, options.requestTimeoutMs) },
    // The proxy's own entry; those before it are the client's to invent.
    trustProxy: options.trustProxy ? (_address, hop) => hop === 0 : false,
    genReqId: () => crypto.randomUUID(),
    routerOptions: { maxParamLength: 2_048 },
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => void sendProblem(request, reply, error),
    exposeHeadRoutes: false,
  });
  // A page of another site can make a browser send it without asking first.
  server.removeContentTypeParser('text/plain');
  server.setValidatorCompiler<Route['body']>(
    ({ schema, httpPart = 'body' }) =>
      (data) =>
        validate(schema, data, httpPart),
  );
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  server.decorateRequest('access');
  await server.register(helmet, {
    contentSecurityPolicy: { directives: CONTENT_SECURITY },
    strictTransportSecurity: false,
  });
  await server.register(cors, {
    origin: [...options.corsOrigins],
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED,
  });
  await server.register(multipart, {
    limits: { fileSize: options.uploadLimit, files: 100, fields: 20, parts: 120 },
  });

  const measures = createMeasures();
  addHooks(server, { lore, options, measures });
  const mcpSessions = new McpSessions();
  const endConnections = followConnections(server.server, options);
  server.addHook('preClose', async () => {
    stopping.abort();
    endConnections();
    await mcpSessions.close();
  });
  server.addHook('onSend', async (request, reply) => {
    // A connection kept open for a next request would keep the server from closing.
    const isLast = stopping.signal.aborted || request.routeOptions.config.route?.isStream;
    if (isLast) reply.header('connection', 'close');
  });
  server.setErrorHandler((error, request, reply) => sendProblem(request, reply, error));
  server.setNotFoundHandler((request, reply) => {
    const message = `There is nothing at ${request.method} ${request.url.split('?')[0]}. See /docs for what there is.`;
    return sendProblem(request, reply, new StackloreError('not_found', { message }));
  });
  if (options.runJobs) addJobs(server, { lore, options });
  for (const route of listRoutes({ lore, options, measures, mcpSessions }))
    addRoute(server, route, { lore, options, signal: stopping.signal });
  return server;
}

/** How often requests are looked for that do not come to their end. */
const CHECKED_EVERY_MS = 5_000;

const EXPOSED = [
  ...['etag', 'location', 'x-request-id', 'cache-status', 'mcp-session-id'],
  ...['retry-after', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
];

/** Nothing but what the server itself sends is loaded by its pages. */
const CONTENT_SECURITY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  fontSrc: ["'self'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  upgradeInsecureRequests: null,
};

/** Works on ingest jobs while the server is there; one under way is let go of when it stops, and taken up again. */
function addJobs(
  server: FastifyInstance,
  { lore, options }: { lore: Stacklore; options: ServeOptions },
): void {
  let worker: ReturnType<typeof startIngestWorker> | undefined;
  server.addHook('onReady', async () => {
    worker = startIngestWorker(lore, {
      leaseMs: options.jobLeaseMs,
      read: { allowPrivate: options.allowPrivate },
      onTrouble: (err) => server.log.error({ err }, 'trouble with ingest jobs'),
    });
  });
  server.addHook('onClose', async () => void (await worker?.stop({ graceMs: 0 })));
}

function addRoute(
  server: FastifyInstance,
  route: Route,
  { lore, options, signal }: { lore: Stacklore; options: ServeOptions; signal: AbortSignal },
): void {
  const { method, path: url, params, query: querystring, body } = route;
  server.route({
    method,
    url,
    schema: {
      ...(params && { params }),
      ...(querystring && { querystring }),
      ...(body && { body: route.consumes ? { content: { 'application/json': { schema: body } } } : body }),
    },
    config: { route },
    async handler(request, reply) {
      const { access, params, query, body } = request;
      const overdue = new AbortController();
      const call = {
        ...{ lore, access, params, query, body, request, reply },
        // Made for those who ask: most do not.
        get signal() {
          return AbortSignal.any([signal, overdue.signal]);
        },
      };
      // A stream goes on for as long as its reader likes.
      const answer = await (route.isStream
        ? route.handle(call)
        : within(options.answerTimeoutMs, () => route.handle(call), overdue));
      if (reply.sent || answer === reply) return reply;
      reply.code(statusOf(route));
      if (route.produces) return reply.type(route.produces).send(answer);
      if (!route.response) return reply.send();
      return sendJson(request, reply, { text: JSON.stringify(answer), hasEtag: route.hasEtag ?? false });
    },
  });
}

/**
 * What work gives, or `query_timeout` when it takes longer, with `overdue` aborted. Fastify's own limit ends with the
 * body of a POST.
 */
async function within<T>(
  timeoutMs: number,
  work: () => T | Promise<T>,
  overdue: AbortController,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `There was no answer within ${timeoutMs} ms. Ask for less, or try again when there is less to do.`;
      reject(new StackloreError('query_timeout', { message }));
      overdue.abort();
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
