import type { QueryEmbedder } from '../embed/embedder.ts';
import type { FactContextOptions } from './fact-request.ts';
import { type FactAnswer, type FactHit, type FactSearchParts, searchFacts } from './search-facts.ts';

/** Where a fact of the context comes from; `label` is what `[F1]` in an answer refers to. */
export interface FactCitation {
  readonly label: string;
  readonly factId: string;
  readonly source: string;
  readonly category: string;
  readonly confidence: number;
  readonly verified: boolean;
  readonly score: number;
}

/** A fact that is not in the text: no room, or the same words as a nearer one. */
export interface FactOmission {
  readonly factId: string;
  readonly reason: 'budget' | 'duplicate';
}

/** Facts as the beginning of a context. */
export interface FactSection {
  /** A fact a line, best first, such as `[F1] A loan lasts 21 days. (library.md, verified)`. */
  readonly text: string;
  readonly citations: FactCitation[];
  readonly omitted: FactOmission[];
}

/** The part of the budget that facts may take, so that passages keep the rest. */
const SHARE = 0.5;
const MAX_SOURCE_LENGTH = 160;

/** The facts that may stand in a context. Throws like `searchFacts`. */
export async function searchContextFacts(
  parts: FactSearchParts,
  { query, vector }: { query?: string; vector?: Float32Array },
  options: FactContextOptions,
): Promise<FactAnswer> {
  return searchFacts(parts, {
    ...options,
    ...(query !== undefined && { query }),
    ...(vector && { vector }),
  });
}

/** Packs facts under their share of the budget, best first; one without room makes way for the next that fits. */
export function packFacts(
  hits: readonly FactHit[],
  { maxTokens, countTokens }: { maxTokens: number; countTokens: (text: string) => number },
): FactSection {
  const citations: FactCitation[] = [];
  const omitted: FactOmission[] = [];
  const seen = new Set<string>();
  let text = '';
  for (const { factId, content, source, category, confidence, verified, score } of hits) {
    const words = oneLine(content);
    if (seen.has(words.toLowerCase())) {
      omitted.push({ factId, reason: 'duplicate' });
      continue;
    }
    const label = `F${citations.length + 1}`;
    const trust = verified ? 'verified' : `confidence ${confidence}`;
    const line = `[${label}] ${words} (${oneLine(source).slice(0, MAX_SOURCE_LENGTH)}, ${trust})`;
    const longer = text === '' ? line : `${text}\n${line}`;
    if (countTokens(longer) > maxTokens * SHARE) {
      omitted.push({ factId, reason: 'budget' });
      continue;
    }
    seen.add(words.toLowerCase());
    text = longer;
    citations.push({ label, factId, source, category, confidence, verified, score });
  }
  return { text, citations, omitted };
}

/** The same parts with an embedder that makes one vector for equal queries. */
export function embedQueryOnce<Parts extends { readonly embedder: () => Promise<QueryEmbedder> }>(
  parts: Parts,
): Parts {
  const made = new Map<string, Promise<Float32Array>>();
  const embedder = async (): Promise<QueryEmbedder> => {
    const opened = await parts.embedder();
    const embedQuery = (query: string) => {
      const vector = made.get(query) ?? opened.embedQuery(query);
      made.set(query, vector);
      return vector;
    };
    const { model, dimensions, tokenizer } = opened;
    return {
      ...{ model, dimensions, tokenizer, embedQuery },
      countTokens: (text) => opened.countTokens(text),
      embedTexts: (texts, options) => opened.embedTexts(texts, options),
    };
  };
  return { ...parts, embedder };
}

/** Text that cannot end the line it stands in. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}
