import { hash } from 'node:crypto';
import type { RedisArgument } from '../../redis/databases.ts';
import { type FactsManifest, factRecord } from '../../schema/knowledge.ts';
import { checkVector } from './check-vector.ts';

/** A fact's vector and what it was made with. */
export interface EmbeddedFact {
  readonly embedding: Float32Array;
  readonly manifest: FactsManifest;
}

/** Recognises facts that say exactly the same, however accents are composed and whatever white space is around. */
export function contentHash(content: string): string {
  return digest(content.normalize('NFC').trim());
}

/** What a manifest's part of every input hash is; made once, as a search makes a hash for each of its hits. */
const modelHashes = new WeakMap<FactsManifest, string>();

/** Recognises vectors that are not of this content, or not by this model. */
export function inputHash(manifest: FactsManifest, content: string): string {
  let model = modelHashes.get(manifest);
  if (model === undefined) {
    model = digest(JSON.stringify([manifest.model, manifest.dimensions]));
    modelHashes.set(manifest, model);
  }
  return model + digest(content);
}

/**
 * The hash fields that go with a fact's content, field and value in turn; without a vector, one that is there stays
 * and is known by its `input_hash` to be of other content. Throws `dimension_mismatch` or `invalid_vector`.
 */
export function contentFields(content: string, embedded?: EmbeddedFact): RedisArgument[] {
  const fields: RedisArgument[] = ['content_hash', contentHash(content)];
  if (!embedded) return fields;
  const { embedding, manifest } = embedded;
  checkVector(embedding, manifest.dimensions, 'facts');
  fields.push('input_hash', inputHash(manifest, content));
  fields.push('embedding', factRecord.fields.embedding.encode(embedding));
  return fields;
}

function digest(text: string): string {
  return hash('sha256', text).slice(0, 32);
}
