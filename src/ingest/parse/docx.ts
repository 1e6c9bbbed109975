import { errorMessage, StackloreError } from '../../errors.ts';
import type { Draft } from './draft.ts';
import { parseHtmlFragment } from './html.ts';
import { checkUnpackedSize, listZip } from './zip.ts';

const MAX_XML_BYTES = 64 * 2 ** 20;

/** A Word document: its headings, paragraphs, lists and tables; pictures are left out. */
export async function parseDocx(bytes: Buffer): Promise<Draft> {
  checkUnpackedSize(bytes, listZip(bytes), MAX_XML_BYTES);
  return parseHtmlFragment(await convertToHtml(bytes));
}

async function convertToHtml(buffer: Buffer): Promise<string> {
  const { default: mammoth } = await import('mammoth');
  try {
    const { value } = await mammoth.convertToHtml(
      { buffer },
      {
        styleMap: ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => p:fresh"],
        convertImage: mammoth.images.imgElement(async () => ({ src: '' })),
      },
    );
    return value;
  } catch (cause) {
    if (cause instanceof RangeError) throw cause;
    throw new StackloreError('parse_failed', {
      message: `The Word document cannot be read (${errorMessage(cause)}). Open it in a word processor and save it again as .docx.`,
      cause,
    });
  }
}
