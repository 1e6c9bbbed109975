import { z } from 'zod';

const place = z.strictObject({ collection: z.string(), offset: z.int().min(0).max(1_000_000_000) });

/** Where a list goes on: so many documents into a collection. */
export type PagePlace = z.output<typeof place>;

/** A place as a client keeps it; what is in it is none of the client's business. */
export function encodeCursor(at: PagePlace): string {
  return Buffer.from(JSON.stringify(at)).toString('base64url');
}

/** The place in a cursor, or `undefined` for one that is not ours. */
export function decodeCursor(cursor: string): PagePlace | undefined {
  try {
    return place.safeParse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
