import { z } from 'zod';

/** Which page of a list is wanted, as a query says it; `most` are on one page. */
export function pageQuery(most: number) {
  return {
    offset: z.coerce.number().int().min(0).max(1_000_000_000).default(0),
    limit: z.coerce.number().int().min(1).max(most).default(Math.min(most, 50)),
  };
}
