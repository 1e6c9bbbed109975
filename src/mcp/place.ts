import { z } from 'zod';

/** Where a text comes from, in the answers of all tools. */
export const placeOutput = {
  collection: z.string(),
  docId: z.string(),
  title: z.string(),
  source: z.string(),
  headings: z.array(z.string()).readonly(),
  start: z.number().optional().describe("UTF-16 offset into the document's text, for get_document"),
  end: z.number().optional(),
  page: z.number().optional(),
};

interface Place {
  readonly title: string;
  readonly source: string;
  readonly headings: readonly string[];
  readonly page?: number;
}

/** A place as a line that can be cited: `Handbook › Loans (loans.md, page 2)`. */
export function describePlace({ title, source, headings, page }: Place): string {
  const path = [title, ...headings.filter((heading) => heading !== title)].join(' › ');
  return `${path} (${source}${page === undefined ? '' : `, page ${page}`})`;
}

/** Where to go on reading: `docId abc, characters 120 to 640`. */
export function describeRange({
  docId,
  start,
  end,
}: {
  docId: string;
  start?: number;
  end?: number;
}): string {
  return start === undefined ? `docId ${docId}` : `docId ${docId}, characters ${start} to ${end}`;
}

/** What the caller should know, as lines. */
export function noteLines(warnings: readonly string[]): string[] {
  return warnings.map((warning) => `Note: ${warning}`);
}
