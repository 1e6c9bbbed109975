import type { Embedder } from '../../embed/embedder.ts';
import { StackloreError } from '../../errors.ts';
import { chunkInput, hashInput, isReadable } from '../../ingest/chunk-input.ts';
import type { ReindexedSettings } from '../../schema/knowledge.ts';
import { analyserOf } from '../../stores/knowledge/chunk-terms.ts';
import {
  type LackingChunk,
  NextFields,
  type NextValues,
  type Place,
} from '../../stores/knowledge/next-fields.ts';
import { storedTerms } from '../../stores/knowledge/stored-terms.ts';
import { nextFieldsOf } from './manifests.ts';
import { type ReindexParts, throwIfStopped } from './parts.ts';
import type { ReindexRequest } from './request.ts';

/** What chunks were given. */
export interface Filled {
  /** Chunks written, in all passes. */
  readonly written: number;
  /** Chunks that go without, as they hold no text it could be made of. */
  readonly left: number;
}

type Watched = Pick<ReindexRequest, 'onProgress' | 'signal'>;

const WIDENING = { from: 'embedding', to: 'embedding_next', type: 'float32' } as const;

/**
 * Gives every chunk what the changes ask for beside what is live, until a pass finds nothing to do: chunks that are
 * published meanwhile are found by the next pass. What is there already, of an earlier run, stays.
 */
export async function fillChunks(
  { knowledge, embedder }: Pick<ReindexParts, 'knowledge' | 'embedder'>,
  collection: string,
  {
    changes,
    dimensions,
    total,
    ...watched
  }: Watched & {
    readonly changes: ReindexedSettings;
    /** Those of the vectors there are. */
    readonly dimensions: number;
    readonly total: number;
  },
): Promise<Filled> {
  const fields = nextFieldsOf(changes);
  const needsFloat16 = changes.vectorType === 'float16' && !changes.model;
  const needsFloat32 = changes.storedVectors === 'float32' && !changes.model;
  if (fields.length === 0 && !needsFloat16) return { written: 0, left: 0 };
  const chunks = new NextFields(knowledge, collection);
  const analyser = await analyserOf({ analyser: changes.analyser ?? undefined });
  let written = 0;
  for (;;) {
    const pass = { seen: 0, written: 0, left: 0 };
    for await (const keys of chunks.keys()) {
      throwIfStopped(watched.signal);
      if (needsFloat16) pass.written += await chunks.addFloat16(keys, dimensions);
      if (needsFloat32) pass.written += await chunks.convert(keys, { ...WIDENING, dimensions });
      const lacking = await chunks.lacking(keys, fields);
      const model = changes.model && lacking.chunks.length > 0 ? await embedder() : undefined;
      pass.written += await writeAll({ knowledge, chunks }, lacking.chunks, {
        embedder: model,
        analyser,
        place: 'next',
      });
      pass.left += lacking.count;
      pass.seen += keys.length;
      watched.onProgress?.({ step: 'chunks', done: Math.min(pass.seen, total), total });
    }
    written += pass.written;
    if (pass.written === 0) return { written, left: pass.left };
  }
}

/** Embeds and analyses chunks as ingest would, and writes what came of it. */
export async function writeAll(
  { knowledge, chunks }: Pick<ReindexParts, 'knowledge'> & { readonly chunks: NextFields },
  lacking: readonly LackingChunk[],
  {
    embedder,
    analyser,
    place,
  }: {
    readonly embedder?: Embedder | undefined;
    readonly analyser?: Awaited<ReturnType<typeof analyserOf>>;
    readonly place: Place;
  },
): Promise<number> {
  if (lacking.length === 0) return 0;
  const vectors = embedder && (await embedChunks(embedder, lacking));
  const terms = analyser && (await storedTerms(knowledge, analyser, lacking));
  const values = lacking.map((_, at): NextValues => ({ embedding: vectors?.[at], terms: terms?.[at] }));
  return chunks.write(lacking, values, place);
}

async function embedChunks(embedder: Embedder, chunks: readonly LackingChunk[]): Promise<Float32Array[]> {
  const { tokenizer, model } = embedder;
  const limits = { tokenizer, maxTokens: model.maxTokens, documentPrefix: model.documentPrefix };
  const inputs = chunks.map((chunk) => {
    const input = storedInput(chunk, limits);
    if (input !== chunk.text || isReadable(input, undefined, limits)) return input;
    throw new StackloreError('too_large', {
      message: `Chunk "${chunk.chunkId}" has more tokens than model ${model.name} reads (${model.maxTokens}), and nothing is cut silently. Give the collection smaller chunks first (stacklore reindex --chunk-size).`,
    });
  });
  return embedder.embedTexts(inputs);
}

/** What ingest embeds of a chunk, made again of what is stored: a heading that the text shows is not repeated. */
function storedInput(
  { text, metadata, inputHash }: LackingChunk,
  limits: Parameters<typeof chunkInput>[2],
): string {
  const title = typeof metadata.title === 'string' ? metadata.title : '';
  const headings = Array.isArray(metadata.headings)
    ? metadata.headings.filter((heading) => typeof heading === 'string')
    : [];
  const held = [title.trim(), ...headings.map((heading) => heading.trim())].filter((h) => text.includes(h));
  const inputs = [new Set(held), new Set(held.slice(-1)), new Set<string>()].map((shown) =>
    chunkInput(text, { title, headings, shown, textTokens: undefined }, limits),
  );
  // A heading may also be just words of the text; the hash tells which way it was.
  return inputs.find((input) => hashInput(input) === inputHash) ?? (inputs[0] as string);
}
