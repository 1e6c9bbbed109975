import { z } from 'zod';
import { defineRoute, type Route } from '../route.ts';
import { cacheAnswer, doctorAnswer, keysAnswer, statusAnswer } from '../schemas/maintenance.ts';

const tag = 'Maintenance';
const read = { scope: 'read', family: 'maintenance' } as const;

/** How the whole is, to be read. It is of everybody, so that a key which is narrowed in any way sees none of it. */
export function maintenanceRoutes(): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/status',
      tag,
      summary: 'What the server, its search module and the index of each collection say of themselves.',
      access: read,
      response: statusAnswer,
      handle({ lore, access }) {
        access.requireEverything();
        return lore.status();
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/keys',
      tag,
      summary: 'Every key counted and measured by record family.',
      access: read,
      query: z.strictObject({
        database: z
          .enum(['main', 'knowledge', 'prompts', 'analytics'])
          .optional()
          .describe('Of this one only.'),
        biggest: z.coerce.number().int().min(0).max(1_000).default(10),
      }),
      response: keysAnswer,
      handle({ lore, access, query: { database, biggest }, signal }) {
        access.requireEverything();
        return lore.maintenance.analyseKeys({ biggest, signal, ...(database && { databases: [database] }) });
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/doctor',
      tag,
      summary: 'What is wrong with servers, indexes and records; puts nothing right.',
      access: read,
      response: doctorAnswer,
      handle({ lore, access, signal }) {
        access.requireEverything();
        return lore.maintenance.diagnose({ signal });
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/cache',
      tag,
      summary: 'How often the response cache had the answer, and what it keeps.',
      access: read,
      response: cacheAnswer,
      handle({ lore, access }) {
        access.requireEverything();
        return lore.responseCache.stats();
      },
    }),
  ];
}
