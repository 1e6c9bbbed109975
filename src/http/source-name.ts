const LONGEST = 500;
/** Control characters, and those that turn the direction of what follows: a name must look like what it is. */
const UNSEEN = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** What an uploaded file is called: its path as the sender gave it, without anything that leads elsewhere. */
export function sourceName(given: string | undefined, number: number): string {
  const parts = (given ?? '')
    .toWellFormed()
    .normalize('NFC')
    .replace(UNSEEN, '')
    .replaceAll('\\', '/')
    .replace(/^[a-z]:(?=\/)/i, '')
    .split('/')
    .map((part) => part.trim())
    .filter((part) => part !== '' && part !== '.' && part !== '..');
  // The end tells the type.
  return parts.join('/').slice(-LONGEST) || `file-${number}`;
}
