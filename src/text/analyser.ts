import { createRequire } from 'node:module';
import { StackloreError } from '../errors.ts';
import { foldAccents, words } from './words.ts';

/** Languages whose words can be reduced to stems; `none` leaves words as they are, for mixed collections. */
export const ANALYSER_LANGUAGES = [
  ...([
    'arabic',
    'danish',
    'dutch',
    'english',
    'finnish',
    'french',
    'german',
    'hungarian',
    'italian',
  ] as const),
  ...(['norwegian', 'portuguese', 'romanian', 'russian', 'spanish', 'swedish', 'turkish', 'none'] as const),
] as const;
export type AnalyserLanguage = (typeof ANALYSER_LANGUAGES)[number];

/** Counts what changes the terms that are made of a text: chunks of an older version are analysed again. */
export const ANALYSER_VERSION = 1;

/** Makes the terms of a text, the same for what is stored and for what is asked. */
export interface Analyser {
  readonly language: AnalyserLanguage;
  /** The terms in order, repeated as often as they stand there, with a space between them. */
  analyse(text: string): string;
}

/** Words whose terms are remembered: a text uses few words often, and a stem takes far longer than a look-up. */
const MOST_REMEMBERED = 50_000;
/** What is longer is no word of a language: hashes, keys and the like stay as they are, cut to a bounded length. */
const LONGEST_WORD = 64;

/** Function words that the lists leave out. */
const FURTHER_STOP_WORDS: Readonly<Partial<Record<AnalyserLanguage, readonly string[]>>> = {
  english: ['a'],
};

const require = createRequire(import.meta.url);
const loaded = new Map<AnalyserLanguage, Analyser>();

/** The analyser of a language, loaded once. Throws `manifest_mismatch` for one that this version does not have. */
export async function loadAnalyser({
  version,
  language,
}: {
  version: number;
  language: string;
}): Promise<Analyser> {
  if (version !== ANALYSER_VERSION || !isLanguage(language)) {
    throw new StackloreError('manifest_mismatch', {
      message: `Texts were analysed as ${language} by version ${version} of the analyser, this has version ${ANALYSER_VERSION}. Update stacklore.`,
    });
  }
  let analyser = loaded.get(language);
  if (!analyser) {
    analyser = language === 'none' ? createAnalyser(language, [], (word) => word) : load(language);
    loaded.set(language, analyser);
  }
  return analyser;
}

function isLanguage(language: string): language is AnalyserLanguage {
  return (ANALYSER_LANGUAGES as readonly string[]).includes(language);
}

function load(language: Exclude<AnalyserLanguage, 'none'>): Analyser {
  // Not by `import`, which reads all of such a CommonJS file for the names it exports: with this one that takes 8 MB more.
  const snowball = require('snowball-stemmers') as typeof import('snowball-stemmers');
  const { stopwords } = require(`@orama/stopwords/${language}`) as { stopwords: string[] };
  const stemmer = snowball.newStemmer(language);
  return createAnalyser(language, [...stopwords, ...(FURTHER_STOP_WORDS[language] ?? [])], (word) =>
    stemmer.stem(word),
  );
}

function createAnalyser(
  language: AnalyserLanguage,
  stopWords: readonly string[],
  stem: (word: string) => string,
): Analyser {
  const dropped = new Set(stopWords.flatMap(words));
  const reduce = (word: string): string => {
    if (dropped.has(word)) return '';
    if (word.length > LONGEST_WORD) return word.slice(0, LONGEST_WORD);
    // Endings of many languages are told by their accents, and whoever leaves them out has to find the word too.
    const term = foldAccents(stem(word));
    const plain = foldAccents(word);
    const other = plain === word ? term : foldAccents(stem(plain));
    return other === term ? term : `${term} ${other}`;
  };
  const reduceParts = (word: string): string => {
    if (dropped.has(word)) return '';
    const [head = '', ...tails] = word.split("'");
    // The end of a contraction or a genitive is no word; what follows an elision, as in "l'eau", is.
    const parts = [head, ...tails.filter((tail) => tail.length > 2)].map(reduce);
    return parts.filter((part) => part !== '').join(' ');
  };
  const remembered = new Map<string, string>();
  const termsOf = (word: string): string => {
    let terms = remembered.get(word);
    if (terms === undefined) {
      terms = word.includes("'") ? reduceParts(word) : reduce(word);
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      remembered.set(word, terms);
    }
    return terms;
  };
  return {
    language,
    analyse: (text) =>
      words(text)
        .map(termsOf)
        .filter((terms) => terms !== '')
        .join(' '),
  };
}
