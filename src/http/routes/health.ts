import { z } from 'zod';
import { errorMessage, StackloreError } from '../../errors.ts';
import { defineRoute, type Route, type RouteParts } from '../route.ts';

/** Whether the server lives and can work, and what it measures. */
export function healthRoutes({ measures }: Pick<RouteParts, 'measures'>): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/healthz',
      tag: 'Health',
      summary: 'Whether the process answers.',
      access: 'public',
      response: z.strictObject({ status: z.literal('ok') }),
      handle: () => ({ status: 'ok' as const }),
    }),
    defineRoute({
      method: 'GET',
      path: '/readyz',
      tag: 'Health',
      summary: 'Whether requests can be served: the databases answer. Answers 503 where they do not.',
      access: 'public',
      response: z.strictObject({ status: z.literal('ready') }),
      async handle({ lore }) {
        const { main, knowledge } = lore.databases;
        await Promise.all([main, knowledge].map((database) => database.send(['PING']))).catch(
          (cause: unknown) => {
            throw new StackloreError('database_unreachable', {
              message: `Not ready: ${errorMessage(cause)}`,
              cause,
            });
          },
        );
        return { status: 'ready' as const };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/metrics',
      tag: 'Health',
      summary: 'Measures in the text format of Prometheus.',
      access: { scope: 'read', family: 'maintenance' },
      produces: 'text/plain; version=0.0.4; charset=utf-8',
      handle: ({ access }) => {
        access.requireEverything();
        return measures.text();
      },
    }),
  ];
}
