import { extname } from 'node:path';
import { StackloreError } from '../../errors.ts';
import { failed, type Source, type SourceProblem, skipped } from '../source.ts';
import { parseCode } from './code.ts';
import { recognise } from './content-type.ts';
import { countWords } from './count-words.ts';
import { parseCsv } from './csv.ts';
import { decodeText, normaliseText } from './decode-text.ts';
import type { ContentType, ParsedDocument } from './document.ts';
import { parseDocx } from './docx.ts';
import type { Draft } from './draft.ts';
import { cutHeading } from './heading-path.ts';
import { parseHtml } from './html.ts';
import { parseJson, readJson } from './json.ts';
import { parseJsonLines } from './jsonl.ts';
import { languageOf } from './languages.ts';
import { parseMarkdown } from './markdown.ts';
import { toMetadata } from './metadata.ts';
import { parsePdf } from './pdf.ts';
import { paragraphsOf } from './plain-text.ts';

/** How sources are understood where they leave a choice. */
export interface ParseOptions {
  /** The text encoding of every source, e.g. `latin1`; by default UTF-8, or what a byte order mark or a server says. */
  readonly encoding?: string;
  /** Columns (CSV) or keys (JSON, JSONL) that are text beside `text`. */
  readonly textColumns?: readonly string[];
  /** The type of every text, instead of telling by content and name. */
  readonly contentType?: ContentType;
  /**
   * Throws for a text that is too long to be stored, before its structure is looked for.
   * @internal
   */
  readonly checkText?: (text: string) => void;
}

/** The documents of a source: one for most formats, one a row for CSV and JSONL. Problems are given, never thrown. */
export async function* parseSource(
  source: Source,
  options: ParseOptions = {},
): AsyncGenerator<ParsedDocument | SourceProblem> {
  try {
    const type = await recognise(source, options);
    if (typeof type !== 'string') {
      yield type;
      return;
    }
    let count = 0;
    for await (const draft of parseAs(type, source, options)) {
      yield 'status' in draft ? draft : finish(draft, source);
      count += 1;
    }
    if (count === 0)
      yield skipped(source.source, 'invalid_input', `${source.name} has a header but no rows.`);
  } catch (error) {
    yield failed(source.source, asStackloreError(error, source));
  }
}

type TypedDraft = Draft & { readonly contentType: ContentType };

async function* parseAs(
  type: ContentType,
  source: Source,
  options: ParseOptions,
): AsyncGenerator<TypedDraft | SourceProblem> {
  const typed = (draft: Draft, contentType = type): TypedDraft => ({ ...draft, contentType });
  switch (type) {
    case 'pdf':
      return yield typed(await parsePdf(source.bytes));
    case 'docx':
      return yield typed(await parseDocx(source.bytes));
    case 'csv':
    case 'json':
    case 'jsonl':
      return yield* parseRows(type, source, options);
    default:
      return yield typed(await parseText(type, source, options));
  }
}

async function parseText(type: ContentType, source: Source, options: ParseOptions): Promise<Draft> {
  const text = takeText(source, options);
  if (type === 'html') return parseHtml(text);
  if (type === 'markdown') return parseMarkdown(text, options.checkText);
  options.checkText?.(text);
  if (type === 'code') return parseCode(text, source.name, languageOf(source.name));
  return { text, blocks: paragraphsOf(text) };
}

/** The text of a source, which lets go of its bytes: a large source is not held twice. */
function takeText(source: Source, { encoding }: ParseOptions): string {
  const text = decodeText(source, encoding);
  source.bytes = Buffer.alloc(0);
  return text;
}

function* parseRows(
  type: 'csv' | 'json' | 'jsonl',
  source: Source,
  options: ParseOptions,
): Generator<TypedDraft | SourceProblem> {
  const { textColumns } = options;
  const text = takeText(source, options);
  if (text.trim() === '') return yield skipped(source.source, 'invalid_input', `${source.name} has no text.`);
  if (type === 'csv') return yield* typeAll('csv', parseCsv(source, text, textColumns));

  // Whole JSON and JSON Lines are often named alike; what can be read decides.
  const firstLine = readJson(text.slice(0, `${text.trimEnd()}\n`.indexOf('\n', text.search(/\S/))));
  const isOneLine = !text.trim().includes('\n');
  const hasObjectFirst =
    'value' in firstLine && typeof firstLine.value === 'object' && !Array.isArray(firstLine.value);
  if (hasObjectFirst && (type === 'jsonl' || !isOneLine)) {
    return yield* typeAll('jsonl', parseJsonLines(source, text, textColumns));
  }
  const whole = readJson(text);
  if ('value' in whole) return yield* typeAll('json', parseJson(source, whole.value, textColumns));
  if (type === 'jsonl') return yield* typeAll('jsonl', parseJsonLines(source, text, textColumns));
  throw new StackloreError('parse_failed', {
    message: `${source.name} is not valid JSON (${whole.reason}). Correct it, or name it after what it holds.`,
  });
}

function* typeAll(
  contentType: ContentType,
  drafts: Iterable<Draft | SourceProblem>,
): Generator<TypedDraft | SourceProblem> {
  for (const draft of drafts) yield 'status' in draft ? draft : { ...draft, contentType };
}

function finish(draft: TypedDraft, source: Source): ParsedDocument | SourceProblem {
  const { docId, row, contentType, text, blocks } = draft;
  if (blocks.length === 0) {
    const hint = contentType === 'pdf' ? ' It may be a scan: recognise its text (OCR) first.' : '';
    return skipped(source.source, 'invalid_input', `${source.name} has no text.${hint}`);
  }
  return {
    ...(docId === undefined ? {} : { docId }),
    source: row === undefined ? source.source : `${source.source}#${row}`,
    ...(row === undefined ? {} : { container: source.source }),
    title: cutHeading(normaliseText(draft.title ?? '')) || baseName(source.name),
    contentType,
    text,
    blocks,
    metadata: row === undefined ? toMetadata(Object.entries(draft.metadata ?? {})) : (draft.metadata ?? {}),
    wordCount: countWords(text),
  };
}

function baseName(name: string): string {
  return name.slice(0, name.length - extname(name).length) || name;
}

/** Input nested without end exhausts the stack of some parser: that is the input's fault, not a crash. */
function asStackloreError(error: unknown, { name }: Source): StackloreError {
  if (error instanceof StackloreError) return error;
  const reason = error instanceof RangeError ? 'it is nested too deeply or too large' : String(error);
  return new StackloreError('parse_failed', {
    message: `${name} cannot be parsed (${reason}). Convert it to plain text or Markdown to include it.`,
    cause: error,
  });
}
