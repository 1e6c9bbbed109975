import { z } from 'zod';
import { named } from '../ids.ts';
import { pageQuery } from '../page-query.ts';
import { defineRoute, type Route } from '../route.ts';
import {
  counterStates,
  errorCounts,
  errorList,
  metricNames,
  metricRange,
  usageOfDay,
  usageRange,
} from '../schemas/analytics.ts';

const tag = 'Analytics';
const read = { scope: 'read', family: 'analytics' } as const;
const moment = z.string().describe('A day or time of ISO 8601, such as 2025-01-15 or 2025-01-15T10:30:00Z.');
const day = z.iso.date('must be a day such as 2025-01-15');

/**
 * What was measured, used and failed, to be read. It is of everybody, and errors say what they were about, so that a key
 * which is narrowed in any way sees none of it; one that is bound to a user sees what this user used.
 */
export function analyticsRoutes(): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/analytics/services',
      tag,
      summary: 'Every metric there is, by service and name.',
      access: read,
      query: z.strictObject({ service: z.string().optional() }),
      response: metricNames,
      async handle({ lore, access, query }) {
        access.requireEverything();
        return { items: await lore.metrics.list(query) };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/analytics/metrics',
      tag,
      summary: 'A metric by hour or day, and all of it as one.',
      access: read,
      query: z.strictObject({
        service: z.string(),
        metric: z.string(),
        from: moment,
        to: moment.optional(),
        by: z.enum(['hour', 'day']).default('hour'),
      }),
      response: metricRange,
      handle({ lore, access, query: { service, metric, by: resolution, ...range } }) {
        access.requireEverything();
        return lore.metrics.range(service, metric, { ...range, resolution });
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/analytics/usage',
      tag,
      summary: 'What a user used, by day and in all.',
      access: read,
      query: z.strictObject({ userId: z.string().optional(), from: moment, to: moment.optional() }),
      response: usageRange,
      handle({ lore, access, query: { userId, ...range } }) {
        if (access.userId === undefined) access.requireEverything();
        return lore.usage.rangeOfUser(named(access.userOf(userId), 'userId'), range);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/analytics/usage/:date',
      tag,
      summary: 'What each user used on a day.',
      access: read,
      params: z.strictObject({ date: day }),
      query: z.strictObject(pageQuery(1_000)),
      response: usageOfDay,
      handle({ lore, access, params: { date }, query }) {
        access.requireEverything();
        return lore.usage.listDay(date, query);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/analytics/errors',
      tag,
      summary: 'How many errors of each type were logged, newest day first.',
      access: read,
      query: z.strictObject({ date: day.optional() }),
      response: errorCounts,
      async handle({ lore, access, query }) {
        access.requireEverything();
        return { items: await lore.errorLog.types(query) };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/analytics/errors/:type',
      tag,
      summary: 'The errors of a type on a day, today unless told, the newest first.',
      access: read,
      params: z.strictObject({ type: z.string() }),
      query: z.strictObject({ ...pageQuery(1_000), date: day.optional() }),
      response: errorList,
      handle({ lore, access, params: { type }, query: { date, ...page } }) {
        access.requireEverything();
        return lore.errorLog.list(type, { ...page, ...(date !== undefined && { date }) });
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/analytics/counters/:metric',
      tag,
      summary: 'The counts of a metric in its minute, hour and day.',
      access: read,
      params: z.strictObject({ metric: z.string() }),
      response: counterStates,
      async handle({ lore, access, params: { metric } }) {
        access.requireEverything();
        return { items: await lore.counters.read(metric) };
      },
    }),
  ];
}
