import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { McpSessions } from '../mcp/http-sessions.ts';
import type { AccessFamily, Scope } from '../schema/main.ts';
import type { Stacklore } from '../stacklore.ts';
import type { Access } from './access.ts';
import type { Measures } from './measure.ts';
import type { ServeOptions } from './options.ts';

/** What a handler gets: the façade, what the caller may do, and the request, checked by the route's schemas. */
export interface RouteCall<Params = unknown, Query = unknown, Body = unknown> {
  readonly lore: Stacklore;
  readonly access: Access;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly request: FastifyRequest;
  /** For headers, and for answers that are no JSON, which are sent by hand. */
  readonly reply: FastifyReply;
  /** Aborted when the server is being stopped, so that what goes on without end ends, and when the answer is overdue. */
  readonly signal: AbortSignal;
}

/** What routes are made with beside what each call brings. */
export interface RouteParts {
  readonly lore: Stacklore;
  readonly options: ServeOptions;
  readonly measures: Measures;
  readonly mcpSessions: McpSessions;
}

/** A route as data: the server, the OpenAPI document and the docs page are made from the list of them. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As Fastify writes it: `/v1/documents/:docId`. */
  readonly path: string;
  /** What the docs group it under. */
  readonly tag: string;
  /** One sentence. */
  readonly summary: string;
  readonly description?: string;
  /** What a key must open; `anyone`: nothing in particular; `public` needs no key even where others do. */
  readonly access: 'public' | 'anyone' | { readonly scope: Scope; readonly family: AccessFamily };
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Media types of the body other than JSON, which the handler reads itself. */
  readonly consumes?: readonly string[];
  /** What a success is answered with; absent: nothing (204), or what `produces` says. */
  readonly response?: z.ZodType;
  /** Media type of an answer that is no JSON. */
  readonly produces?: string;
  /** Status of a success; 200, or 204 where nothing is answered. */
  readonly status?: number;
  /** True where the façade records use and failures itself. */
  readonly isRecorded?: boolean;
  /** True where equal answers get an ETag, by which they are not sent again. */
  readonly hasEtag?: boolean;
  /** True for answers that go on for as long as the client likes, such as event streams. */
  readonly isStream?: boolean;
  handle(call: RouteCall): unknown;
}

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

interface TypedRoute<Params, Query, Body, Response>
  extends Omit<Route, 'params' | 'query' | 'body' | 'response' | 'handle'> {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly response?: Response;
  handle(
    call: RouteCall<Output<Params>, Output<Query>, Output<Body>>,
  ): Response extends z.ZodType ? Answer<Response> | Promise<Answer<Response>> : unknown;
}

type Answer<Response extends z.ZodType> = Unwritable<z.output<Response>>;

/** What the library gives is mostly readonly; schemas are not. */
type Unwritable<T> = T extends Date
  ? T
  : T extends readonly (infer Element)[]
    ? readonly Unwritable<Element>[]
    : T extends object
      ? { readonly [Name in keyof T]: Unwritable<T[Name]> }
      : T;

/** A path as documents and measures name it: `/v1/documents/{docId}`. */
export function pathTemplate(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

/** Ties the types of a route's handler to its schemas. */
export function defineRoute<
  Params extends z.ZodObject | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
  Response extends z.ZodType | undefined = undefined,
>(route: TypedRoute<Params, Query, Body, Response>): Route {
  // The server hands a handler what these very schemas have checked.
  return route as unknown as Route;
}
