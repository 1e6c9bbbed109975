import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Audience, problemOf, RequestError } from './problem.ts';
import type { Route } from './route.ts';

/** Sends JSON; with an ETag, only to who has not got it yet. */
export function sendJson(
  request: FastifyRequest,
  reply: FastifyReply,
  { text, hasEtag }: { text: string; hasEtag: boolean },
): FastifyReply {
  if (hasEtag) {
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    reply.header('etag', etag).header('cache-control', 'private, no-cache');
    if (namesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
  } else reply.header('cache-control', 'no-store');
  return reply.type('application/json; charset=utf-8').send(text);
}

function namesEtag(header: string | undefined, etag: string): boolean {
  return header?.split(',').some((one) => one.trim().replace(/^W\//, '') === etag) ?? false;
}

/** Checks a part of a request by its schema, as Fastify wants it told. */
export function validate(
  schema: Route['body'],
  data: unknown,
  part: string,
): { value: unknown } | { error: RequestError } {
  const checked = schema?.safeParse(data);
  if (!checked || checked.success) return { value: checked?.data };
  const place = part === 'body' ? [] : [part === 'querystring' ? 'query' : part];
  const issues = checked.error.issues.map(({ path, message }) => ({
    path: [...place, ...path].join('.'),
    message,
  }));
  return { error: new RequestError(issues) };
}

/** Answers a request that failed with problem details. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const { problem, retryAfterSeconds } = problemOf(error, {
    requestId: request.id,
    audience: audienceOf(request),
  });
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify(problem));
}

function audienceOf({ access }: FastifyRequest): Audience {
  // Of public routes, too, nobody has looked at the key.
  if (!access) return 'unknown';
  return access.hasKey ? 'keyed' : 'open';
}
