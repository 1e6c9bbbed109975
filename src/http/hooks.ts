import type { FastifyInstance } from 'fastify';
import { StackloreError } from '../errors.ts';
import type { Stacklore } from '../stacklore.ts';
import { addressClient } from './access.ts';
import { Authenticator } from './authenticate.ts';
import { guardOrigin } from './guard-origin.ts';
import { limitRate } from './limit-rate.ts';
import type { Measures } from './measure.ts';
import type { ServeOptions } from './options.ts';
import { STATUS_CODES, toStackloreError } from './problem.ts';
import { pathTemplate } from './route.ts';

/** What happens to every request before its handler, and what is written down of it after. */
export function addHooks(
  server: FastifyInstance,
  { lore, options, measures }: { lore: Stacklore; options: ServeOptions; measures: Measures },
): void {
  const authenticator = new Authenticator(lore.apiKeys, options);
  const checkOrigin = guardOrigin(options);
  let inFlight = 0;
  server.addHook('onRequest', async (request, reply) => {
    inFlight += 1;
    measures.inFlight.inc();
    reply.raw.once('close', () => {
      inFlight -= 1;
      measures.inFlight.dec();
    });
    reply.header('x-request-id', request.id);
    if (inFlight > options.maxConcurrent) {
      throw new StackloreError('busy', {
        message: `More than ${options.maxConcurrent} requests are under way. Try again in a moment.`,
      });
    }
    checkOrigin(request);
    const { route } = request.routeOptions.config;
    if (route?.access === 'public') return;
    const count = (clientId: string, endpoint: string) =>
      limitRate(lore.rateLimits, { clientId, endpoint, reply }, options);
    request.access = await authenticator.accessOf(request).catch(async (error: unknown) => {
      // Only failures count here: whoever shares an address with one who guesses keys is not shut out.
      const isRefused = error instanceof StackloreError && error.code === 'unauthorized';
      if (isRefused) await count(addressClient(request.ip), 'unauthorized');
      throw error;
    });
    await count(request.access.clientId, route ? `${route.method}-${route.path}` : 'none');
    if (!route) return;
    if (route.access !== 'anyone') request.access.require(route.access.scope, route.access.family);
  });
  server.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request;
    const route = routeOptions.url ?? 'none';
    const { statusCode: status, elapsedTime } = reply;
    measures.observe({ method, route, status }, elapsedTime / 1_000);
    const declared = routeOptions.config.route;
    if (declared && declared.access !== 'public') {
      lore.recorder.measure('http', `${method} ${pathTemplate(route)}`, elapsedTime);
      if (!declared.isRecorded) lore.recorder.use(request.access?.userId, { requests: 1 });
    }
    const { clientId } = request.access ?? {};
    request.log.info({ method, route, status, ms: Math.round(elapsedTime * 10) / 10, clientId });
  });
  server.addHook('onError', async (request, _reply, error) => {
    const known = toStackloreError(error);
    if (STATUS_CODES[known.code] < 500) return;
    const { method, id: requestId } = request;
    const route = request.routeOptions.url ?? 'none';
    request.log.error({ method, route, err: error });
    if (!request.routeOptions.config.route?.isRecorded || known.code === 'internal') {
      lore.recorder.fail(error, { service: 'http', method, route, requestId });
    }
  });
}
