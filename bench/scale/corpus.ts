import { createHash } from 'node:crypto';
import type { Embedder } from '../../src/embed/embedder.ts';
import type { TextDocument } from '../../src/ingest/job.ts';
import { fakeTokenizer } from '../../test/support/fake-embedder.ts';
import { type Likeness, mix } from './likeness.ts';

const PASSAGES_PER_DOCUMENT = 20;
/** Every so many documents one is changed by a later version. */
const CHANGED_EVERY = 100;
const MAX_TOKENS = 1_024;

/** Chunk size in words and signs, by which a passage of 1 kB becomes one chunk. */
export const CHUNK_SIZE = 400;

/** Documents of 20 passages of real text; of version 2 every hundredth has one changed passage. */
export function* documentsOf(
  texts: readonly string[],
  count: number,
  version: 1 | 2,
): Generator<TextDocument> {
  for (let document = 0; document < count; document += 1) {
    const isChanged = version === 2 && document % CHANGED_EVERY === 0;
    const passages = Array.from({ length: PASSAGES_PER_DOCUMENT }, (_, n) => {
      const number = document * PASSAGES_PER_DOCUMENT + n;
      const text = texts[mix(number, 5) % texts.length] as string;
      return `Passage ${number}${isChanged && n === 0 ? ', revised' : ''}. ${text.replace(/\s+/gu, ' ')}`;
    });
    yield {
      ...{ source: `/reports/${document}.txt`, docId: `report-${document}`, title: `Report ${document}` },
      ...{ contentType: 'text' as const, text: passages.join('\n\n') },
    };
  }
}

/** How many documents have about so many chunks. */
export function documentCount(chunks: number): number {
  return Math.max(1, Math.round(chunks / PASSAGES_PER_DOCUMENT));
}

/** Gives each text a vector that depends on its text alone, without a model. */
export function likenessEmbedder(likeness: Likeness, dimensions: number): Embedder {
  const vectorOf = (text: string) =>
    likeness.vector(createHash('sha256').update(text).digest().readUInt32LE(0));
  return {
    model: {
      ...{
        name: 'bench/likeness',
        pooling: 'mean',
        maxTokens: MAX_TOKENS,
        queryPrefix: '',
        documentPrefix: '',
      },
      ...{ weightsSha256: 'a'.repeat(64), tokenizerSha256: 'b'.repeat(64) },
    },
    dimensions,
    tokenizer: fakeTokenizer,
    countTokens: (text) => fakeTokenizer.count(text),
    embedQuery: async (text) => vectorOf(text),
    embedTexts: async (texts) => texts.map(vectorOf),
    close: async () => undefined,
  };
}
