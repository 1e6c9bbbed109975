/** A stretch of a document's text, as UTF-16 offsets. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/**
 * Where a passage stands in a document's text, whatever white space lies between its words: of several places the one
 * nearest to where it began before. Linear in the length of the text.
 */
export function findPassage(document: string, passage: string, before = 0): Place | undefined {
  const wanted = withoutSpace(passage.normalize('NFC')).text;
  if (wanted === '') return undefined;
  const { text, offsets } = withoutSpace(document);
  let nearest: Place | undefined;
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
    const place = { start: offsets[at] as number, end: (offsets[at + wanted.length - 1] as number) + 1 };
    if (nearest && Math.abs(place.start - before) >= Math.abs(nearest.start - before)) break;
    nearest = place;
  }
  return nearest;
}

const SPACE = /\s/;

function withoutSpace(text: string): { text: string; offsets: Uint32Array } {
  const offsets = new Uint32Array(text.length);
  let kept = 0;
  let from = 0;
  const parts: string[] = [];
  for (let at = 0; at <= text.length; at += 1) {
    if (at < text.length && !SPACE.test(text.charAt(at))) {
      offsets[kept] = at;
      kept += 1;
      continue;
    }
    if (at > from) parts.push(text.slice(from, at));
    from = at + 1;
  }
  return { text: parts.join(''), offsets: offsets.subarray(0, kept) };
}
