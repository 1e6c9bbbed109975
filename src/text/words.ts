/**
 * The words of a text as search compares them: compatibility forms unified, case folded, compound
 * identifiers both whole and in parts, scripts without spaces in pairs of characters. Pure, and linear in the length of
 * the text. No word holds anything but letters, digits, marks and the apostrophes (') within it.
 */
export function words(text: string): string[] {
  const found: string[] = [];
  // One pass over what is almost always plain ASCII; the rest of Unicode pays for itself.
  for (const [run] of compose(text).matchAll(RUN)) {
    if (SPACELESS.test(run)) addSpaceless(found, run);
    else if (COMPOUND.test(run)) addCompound(found, run);
    else found.push(lower(run));
  }
  return found;
}

/** Letters, digits and marks, joined by the underscores of identifiers and the apostrophes of contractions. */
export const RUN = /[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}]|_+(?=[\p{L}\p{N}])|['’](?=\p{L}))*/gu;
export const SPACELESS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** Stretches of a run that are written without spaces, and the others. */
export const STRETCH =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー\p{M}]+|[^\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]+/gu;
/** `snake_case`, `camelCase` or `HTTPServer`. */
export const COMPOUND = /_|[\p{Ll}\p{N}]\p{Lu}|\p{Lu}{2}\p{Ll}{2}/u;
export const PART_BOUNDARY = /_+|(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll}{2})/u;

function compose(text: string): string {
  return IS_ASCII.test(text) ? text : text.normalize('NFKC');
}

/**
 * A word without what some writers leave out: accents of Latin and Greek letters, and the dots of the Russian yo. Marks
 * that other scripts write vowels with stay.
 */
export function foldAccents(word: string): string {
  if (IS_ASCII.test(word)) return word;
  return word
    .normalize('NFD')
    .replace(ACCENTED, (_, letter: string | undefined) => letter ?? '')
    .normalize('NFC')
    .replaceAll('ß', 'ss');
}

const ACCENTED = /([\p{Script=Latin}\p{Script=Greek}])\p{M}+|(?<=[еЕ])\u0308/gu;
export const IS_ASCII = /^[\0-\x7F]*$/;

export function lower(word: string): string {
  return word.toLowerCase().replaceAll('’', "'");
}

function addCompound(found: string[], run: string): void {
  const parts = run.split(PART_BOUNDARY).filter((part) => part !== '');
  for (const part of parts) found.push(lower(part));
  if (parts.length > 1) found.push(lower(parts.join('')));
}

function addSpaceless(found: string[], run: string): void {
  for (const [stretch] of run.matchAll(STRETCH)) {
    if (!SPACELESS.test(stretch)) {
      found.push(lower(stretch));
      continue;
    }
    const characters = [...stretch];
    if (characters.length === 1) found.push(stretch);
    for (let at = 0; at + 1 < characters.length; at++) found.push(`${characters[at]}${characters[at + 1]}`);
  }
}
