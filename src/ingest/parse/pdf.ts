import { errorMessage, StackloreError } from '../../errors.ts';
import type { Draft } from './draft.ts';
import { linesOf, type PdfItem, type PdfLine, passagesOf, withoutRunningLines } from './pdf-lines.ts';
import { TextBuilder } from './text-builder.ts';

/** A PDF's text as paragraphs, each with the number of its page. A scan without text gives no blocks. */
export async function parsePdf(bytes: Buffer): Promise<Draft> {
  const { pages, title } = await readPages(bytes);
  const builder = new TextBuilder();
  for (const { kind, level, page, text } of passagesOf(withoutRunningLines(pages).flat())) {
    if (kind === 'heading') builder.addHeading(level, text, { page });
    else builder.add(kind, text, page);
  }
  const { text, blocks } = builder;
  const heading = blocks.find(({ kind, headings }) => kind === 'heading' && headings.length === 1)
    ?.headings[0];
  return { text, blocks, title: sensibleTitle(title) ?? heading, metadata: { page_count: pages.length } };
}

interface PdfContent {
  readonly pages: readonly (readonly PdfLine[])[];
  readonly title: unknown;
}

async function readPages(bytes: Buffer): Promise<PdfContent> {
  const { getDocumentProxy } = await import('unpdf');
  try {
    // The reader takes over the memory it is given, so it gets a copy. Level 0 keeps its warnings off the terminal.
    const pdf = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
    try {
      const { info } = await pdf.getMetadata();
      const pages: PdfLine[][] = [];
      for (let number = 1; number <= pdf.numPages; number += 1) {
        const page = await pdf.getPage(number);
        const { items } = await page.getTextContent();
        const placed = items.filter((item): item is Extract<typeof item, PdfItem> => 'str' in item);
        pages.push(linesOf(placed, number));
        page.cleanup();
      }
      return { pages, title: 'Title' in info ? info.Title : undefined };
    } finally {
      await pdf.destroy();
    }
  } catch (cause) {
    if (cause instanceof RangeError) throw cause;
    throw new StackloreError('parse_failed', { message: explain(cause), cause });
  }
}

function explain(cause: unknown): string {
  if (cause instanceof Error && cause.name === 'PasswordException') {
    return 'The PDF is encrypted with a password. Save it without one.';
  }
  return `The PDF is damaged (${errorMessage(cause)}). Open it in a PDF reader and print it to a new PDF.`;
}

/** Many programs write a file name or a placeholder as the title; such titles say nothing. */
function sensibleTitle(title: unknown): string | undefined {
  if (typeof title !== 'string') return undefined;
  const line = title.replace(/\s+/g, ' ').trim();
  const isUseless = /^(?:untitled|document\d*|title|microsoft \w+ - .*|.*\.\w{2,5})$/i.test(line);
  return isUseless || line.replace(/[^\p{L}]/gu, '').length < 3 ? undefined : line;
}
