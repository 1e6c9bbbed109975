import { z } from 'zod';
import { StackloreError } from '../errors.ts';
import type { FactFilter } from '../schema/fact-input.ts';
import type { StoredFact } from '../stores/knowledge/fact.ts';
import type { Flag } from './command.ts';
import { decimalNumber } from './flag-values.ts';

/** Flags of every command that writes facts. */
export const FACT_FLAGS: readonly Flag[] = [
  { flags: '--category <name>', description: 'what the fact is about' },
  { flags: '--confidence <number>', description: 'from 0 to 1' },
  { flags: '--source <name>', description: 'where it is from, e.g. a path or URL' },
  { flags: '--verified', description: 'somebody has checked it' },
];

/** The schema of those flags. */
export const factFlags = {
  category: z.string().optional(),
  confidence: decimalNumber().optional(),
  source: z.string().optional(),
  verified: z.boolean().optional(),
};

/** Flags of every command that chooses facts. */
export const FACT_FILTER_FLAGS: readonly Flag[] = [
  { flags: '--category <name>', description: 'of this category; may be repeated', isList: true },
  { flags: '--source <name>', description: 'from this source; may be repeated', isList: true },
  { flags: '--min-confidence <number>', description: 'at least this confident, from 0 to 1' },
  { flags: '--trusted-from <number>', description: 'verified, or at least this confident' },
  { flags: '--owned-by <userId>', description: 'of this user only' },
  { flags: '--verified', description: 'verified ones only' },
  { flags: '--unverified', description: 'unverified ones only' },
];

/** The schema of those flags. */
export const factFilterFlags = {
  category: z.array(z.string()).optional(),
  source: z.array(z.string()).optional(),
  minConfidence: decimalNumber().optional(),
  trustedFrom: decimalNumber().optional(),
  ownedBy: z.string().optional(),
  verified: z.boolean().default(false),
  unverified: z.boolean().default(false),
};

/** The filter in those flags. Throws `invalid_input` for flags that exclude each other. */
export function factFilterOf({
  verified,
  unverified,
  ...filter
}: FactFilter & { unverified: boolean }): FactFilter {
  if (verified && unverified) {
    throw new StackloreError('invalid_input', {
      message: '--verified and --unverified exclude each other. Give one of them, or neither.',
    });
  }
  return { ...filter, ...(verified && { verified: true }), ...(unverified && { verified: false }) };
}

/** A fact as lines: what it says, and where that stands. */
export function describeFact(fact: StoredFact): string[] {
  const { factId, content, category, confidence, source, verified } = fact;
  const trust = verified ? 'verified' : `confidence ${confidence}`;
  return [content, `   ${factId}  ${category}, ${source}, ${trust}`];
}
