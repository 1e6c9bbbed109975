import { z } from 'zod';
import type { StoredFact } from '../stores/knowledge/fact.ts';

/** A fact in the answers of tools. */
export const factOutput = {
  factId: z.string(),
  content: z.string(),
  category: z.string(),
  confidence: z.number().describe('0 to 1'),
  source: z.string(),
  verified: z.boolean().describe('Whether a person has checked it'),
  createdAt: z.string(),
};

/** A fact as such an answer has it. */
export function factData({ createdAt, ...fact }: StoredFact): z.input<z.ZodObject<typeof factOutput>> {
  return { ...fact, createdAt: createdAt.toISOString() };
}

/** A fact as a line that can be cited. */
export function describeFact({
  factId,
  content,
  category,
  source,
  confidence,
  verified,
}: StoredFact): string {
  const trust = verified ? 'verified' : `confidence ${confidence}`;
  return `[${factId}] ${content} (${source}, ${category}, ${trust})`;
}
