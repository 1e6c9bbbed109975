import { StackloreError } from '../errors.ts';
import type { AnalyserSettings } from '../schema/knowledge.ts';
import type { Collection, Collections } from '../stores/knowledge/collections.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { ANALYSER_LANGUAGES, ANALYSER_VERSION, type AnalyserLanguage } from '../text/analyser.ts';

/** What indexing words works with. */
export interface WordParts {
  readonly collections: Collections;
  readonly documents: Documents;
  readonly vectorIndex: VectorIndex;
}

/** How often a manifest that others changed meanwhile is read and changed again. */
const ATTEMPTS = 20;

/**
 * Indexes the words of a collection's chunks, those already stored too, without embedding anything again; what
 * has its terms already is not written. While another language is put in place searches may miss words; run again, for
 * the language that shall hold, it finishes what was interrupted. Throws `not_found`, or `invalid_input` for an unknown language.
 */
export async function indexWords(
  { collections, documents, vectorIndex }: WordParts,
  name: string,
  { language = 'english' }: { language?: AnalyserLanguage | undefined } = {},
): Promise<Collection> {
  if (!ANALYSER_LANGUAGES.includes(language)) {
    throw new StackloreError('invalid_input', {
      message: `"${language}" is no language whose words can be indexed. Languages are ${ANALYSER_LANGUAGES.join(', ')}.`,
    });
  }
  const analyser = analyserFor(language);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const collection = await collections.get(name);
    if (collection.manifest.next?.includes('analysed')) {
      throw new StackloreError('busy', {
        message: `A reindex of collection "${name}" that changes how words are analysed is not finished. End it first: stacklore reindex ${name} --finish, or --rollback.`,
      });
    }
    if (isSame(collection.manifest.analyser, analyser)) {
      // An earlier call may have ended halfway, or on its way to another language.
      await documents.backfillTerms(collection, analyser);
      return collection;
    }
    await vectorIndex.builder.addTerms(collection);
    await documents.backfillTerms(collection, analyser);
    // Searches by words begin when every chunk has them; what was published meanwhile gets its own next.
    const indexed = await collections.saveManifest(collection, { ...collection.manifest, analyser });
    if (!indexed) continue;
    await documents.backfillTerms(indexed, analyser);
    return indexed;
  }
  throw new StackloreError('busy', {
    message: `Other programs keep changing the settings of collection "${name}". Repeat when they are done.`,
  });
}

/** How words of a language are analysed by the present version. */
export function analyserFor(language: AnalyserLanguage): AnalyserSettings {
  return { version: ANALYSER_VERSION, language };
}

function isSame(stored: AnalyserSettings | undefined, wanted: AnalyserSettings): boolean {
  return stored?.version === wanted.version && stored.language === wanted.language;
}
