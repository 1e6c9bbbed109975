import { hash } from 'node:crypto';
import { z } from 'zod';
import type { SearchCursors } from '../stores/knowledge/search-cursors.ts';
import type { Ranked } from './rank.ts';
import { invalidRequest, type SearchRequest } from './request.ts';

const entry = z.tuple([z.string(), z.number(), z.number(), ...optionalNumbers(4)]);
const entries = z.array(entry);

function optionalNumbers<Count extends 4>(_: Count) {
  const number = z.number().nullable();
  return [number, number, number, number] as const;
}

/** The place in a kept ranking that a page begins at. */
export interface CursorPlace {
  readonly cursorId: string;
  readonly ranking: readonly Ranked[];
  readonly from: number;
}

type Cursors = Pick<SearchCursors, 'save' | 'get'>;

/** Keeps a ranking for further pages, and gives its id. */
export async function keepRanking(
  cursors: Cursors,
  request: SearchRequest,
  ranking: readonly Ranked[],
): Promise<string> {
  return cursors.save({
    fingerprint: fingerprintOf(request),
    entries: ranking.map(({ key, at, score, distance, textScore, vectorRank, textRank }) => [
      ...[key, at, score],
      ...[distance ?? null, textScore ?? null, vectorRank ?? null, textRank ?? null],
    ]),
  });
}

/** What a page after the first one reads. Throws `invalid_input` for a cursor of another search, or `not_found`. */
export async function openCursor(
  cursors: Cursors,
  request: SearchRequest,
  cursor: string,
): Promise<CursorPlace> {
  const [, cursorId = '', from] = /^([0-9a-f-]{36})\.(\d{1,6})$/.exec(cursor) ?? [];
  if (from === undefined) {
    throw invalidRequest('cursor: is none that an answer gave. Pass on the cursor of the page before.');
  }
  const kept = await cursors.get(cursorId);
  if (kept.fingerprint !== fingerprintOf(request)) {
    throw invalidRequest(
      'cursor: belongs to another search. Repeat that search as it was, or begin anew with true.',
    );
  }
  const ranking = entries
    .parse(kept.entries)
    .map(([key, at, score, distance, textScore, vectorRank, textRank]): Ranked => {
      return {
        ...{ key, at, score },
        ...(distance !== null && { distance }),
        ...(textScore !== null && { textScore }),
        ...(vectorRank !== null && { vectorRank }),
        ...(textRank !== null && { textRank }),
      };
    });
  return { cursorId, ranking, from: Number(from) };
}

/** The cursor of the page that begins there. */
export function cursorAt(cursorId: string, from: number): string {
  return `${cursorId}.${from}`;
}

/** All that decides the ranking; how much of it is read at a time may differ. */
function fingerprintOf({
  cursor: _,
  topK: __,
  window: ___,
  facets: ____,
  ...request
}: SearchRequest): string {
  const vector =
    request.vector &&
    Buffer.from(request.vector.buffer, request.vector.byteOffset, request.vector.byteLength);
  return hash('sha256', JSON.stringify({ ...request, vector: vector?.toString('base64') }));
}
