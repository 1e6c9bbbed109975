import { extname } from 'node:path';
import { StackloreError } from '../../errors.ts';
import { type Source, type SourceProblem, skipped } from '../source.ts';
import { HEAD_BYTES, isText } from './decode-text.ts';
import type { ContentType } from './document.ts';
import { isCodeFile } from './languages.ts';
import { listZip } from './zip.ts';

const BY_EXTENSION: Readonly<Record<string, ContentType>> = {
  '.md': 'markdown',
  '.markdown': 'markdown',
  '.mdx': 'markdown',
  '.mkd': 'markdown',
  '.qmd': 'markdown',
  '.html': 'html',
  '.htm': 'html',
  '.xhtml': 'html',
  '.csv': 'csv',
  '.tsv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
  '.geojson': 'json',
  '.ipynb': 'json',
  '.pdf': 'pdf',
  '.docx': 'docx',
};
/** Media types that say more than a file's name does. */
const BY_MEDIA_TYPE: Readonly<Record<string, ContentType>> = {
  'text/html': 'html',
  'application/xhtml+xml': 'html',
  'text/markdown': 'markdown',
  'text/csv': 'csv',
  'text/tab-separated-values': 'csv',
  'application/json': 'json',
  'application/x-ndjson': 'jsonl',
  'application/jsonl': 'jsonl',
};
const HTML_START =
  /^\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--[\s\S]{0,1000}?-->\s*)?<(?:!doctype\s+html|html)[\s>]/i;
/** What file type detection calls XML and the like is text all the same. */
const TEXT_MEDIA_TYPE = /^(?:text\/|application\/(?:xml|.*\+xml|x-ndjson|json))/;

/** What a source holds: by its content where that shows it, then by its name. A file that is no document is a problem. */
export async function recognise(
  source: Source,
  options: { readonly encoding?: string; readonly contentType?: ContentType },
): Promise<ContentType | SourceProblem> {
  const { bytes } = source;
  if (bytes.length === 0) return skipped(source.source, 'invalid_input', 'The file is empty.');
  if (bytes.subarray(0, 5).equals(PDF_START) || isPdfWithJunk(source)) return 'pdf';
  if (isZip(bytes)) {
    return listZip(bytes).some(({ name }) => name === 'word/document.xml') ? 'docx' : describeArchive(source);
  }
  if (!isText(source, options.encoding)) return describeBinary(source);
  // An image or the like without a zero byte at its beginning, read in an encoding that takes any byte.
  if (options.encoding !== undefined && (await namedType(bytes)) !== undefined) return describeBinary(source);
  return options.contentType ?? textType(source);
}

const PDF_START = Buffer.from('%PDF-');

/** Some writers put a few bytes before the PDF; readers accept that. */
function isPdfWithJunk({ bytes, name }: Source): boolean {
  return extensionOf(name) === '.pdf' && bytes.subarray(0, 1_024).includes(PDF_START);
}

function isZip(bytes: Buffer): boolean {
  return bytes.length > 4 && bytes.readUInt32BE(0) === 0x504b0304;
}

function textType(source: Source): ContentType | SourceProblem {
  const { bytes, name, contentType = '' } = source;
  const head = bytes.toString('utf8', 0, HEAD_BYTES).replace(/^\ufeff/, '');
  if (HTML_START.test(head)) return 'html';
  if (head.startsWith('{\\rtf'))
    return skipped(source.source, 'unsupported_type', unsupported(name, 'rich text (RTF)'));
  const mediaType = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  const type = BY_MEDIA_TYPE[mediaType] ?? BY_EXTENSION[extensionOf(name)];
  if (type === 'pdf' || type === 'docx') throw misnamed(name, type);
  if (type !== undefined) return type;
  if (isCodeFile(name) || head.startsWith('#!')) return 'code';
  return extensionOf(name) === '' && isMarkdownLike(head) ? 'markdown' : 'text';
}

/** For files without extension and for standard input: front matter or a heading to begin with. */
function isMarkdownLike(head: string): boolean {
  return /^\s*(?:#{1,6} \S|---\n[\w-]+:|[^\n]{1,200}\n={3,}\n)/.test(head.replaceAll('\r', ''));
}

async function describeArchive(source: Source): Promise<ContentType | SourceProblem> {
  if (extensionOf(source.name) === '.docx') throw misnamed(source.name, 'docx');
  return describeBinary(source);
}

async function describeBinary(source: Source): Promise<ContentType | SourceProblem> {
  const { bytes, name } = source;
  const found = await namedType(bytes);
  if (BY_EXTENSION[extensionOf(name)] === 'docx' && found === 'application/x-cfb') {
    throw new StackloreError('parse_failed', {
      message: `${name} is encrypted, or a document of an older Word. Save it as .docx without a password.`,
    });
  }
  if (found !== undefined) return skipped(source.source, 'unsupported_type', unsupported(name, found));
  if (bytes.subarray(0, HEAD_BYTES).includes(0)) {
    return skipped(source.source, 'unsupported_type', unsupported(name, 'a binary file'));
  }
  // Not UTF-8 and no known binary: most likely text in another encoding. Reading it says so.
  return textType(source);
}

async function namedType(bytes: Buffer): Promise<string | undefined> {
  const { fileTypeFromBuffer } = await import('file-type');
  const found = await fileTypeFromBuffer(bytes);
  return found === undefined || TEXT_MEDIA_TYPE.test(found.mime) ? undefined : found.mime;
}

function unsupported(name: string, what: string): string {
  return `${name} is ${what}, which is not read. Convert it to text, Markdown, HTML, PDF or DOCX to include it.`;
}

function misnamed(name: string, type: ContentType): StackloreError {
  const what = type === 'pdf' ? 'no PDF' : 'no Word document';
  return new StackloreError('parse_failed', {
    message: `${name} holds ${what}, in spite of its name. Name it after what it holds, or leave it out.`,
  });
}

function extensionOf(name: string): string {
  return extname(name).toLowerCase();
}
