import { z } from 'zod';

const fact = {
  factId: z.string(),
  content: z.string(),
  category: z.string(),
  confidence: z.number(),
  source: z.string(),
  createdAt: z.coerce.date(),
  verified: z.boolean(),
  userId: z.string().optional(),
};

/** A fact, see `StoredFact`. */
export const factAnswer = z.object(fact);

/** A fact as it was written, and the others that say the same, see `AddedFact`. */
export const writtenFact = z.object({
  ...fact,
  duplicates: z.array(z.object({ factId: z.string(), similarity: z.number(), exact: z.boolean() })),
});

export const factList = z.object({
  items: z.array(factAnswer),
  total: z.int(),
  unreadable: z.array(z.object({ factId: z.string(), message: z.string() })),
});

export const factSearchAnswer = z.object({
  hits: z.array(z.object({ ...fact, score: z.number(), distance: z.number() })),
  warnings: z.array(z.string()),
});
