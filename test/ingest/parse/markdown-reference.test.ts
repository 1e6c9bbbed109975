import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Nodes } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';
import { expect, test } from 'vitest';
import { scanMarkdown } from '../../../src/ingest/parse/scan-markdown.ts';

const PACKAGES = join(import.meta.dirname, '../../../node_modules');
const FILES = 60;
/** Lines where the scanner may see something else than CommonMark does: odd HTML and lists within lists. */
const MAX_DIFFERING_SHARE = 0.01;

test('headings, code, quotes and tables of real Markdown begin on the lines where a CommonMark parser finds them', () => {
  const texts = readmes().slice(0, FILES);
  expect(texts.length).toBeGreaterThan(FILES / 2);
  let expected = 0;
  let differing = 0;
  for (const text of texts) {
    const want = new Set(referenceBlocks(text));
    const got = new Set(scannedBlocks(text));
    expected += want.size;
    differing += [...want].filter((block) => !got.has(block)).length;
    differing += [...got].filter((block) => !want.has(block)).length;
  }
  expect(differing / expected).toBeLessThan(MAX_DIFFERING_SHARE);
});

function readmes(): string[] {
  const names = readdirSync(PACKAGES, { recursive: true, encoding: 'utf8' });
  const paths = names.filter((name) => /readme\.md$/i.test(name)).sort();
  const texts = paths.map((name) => readFileSync(join(PACKAGES, name), 'utf8').replace(/\r\n?/g, '\n'));
  return texts.filter((text) => text.length > 500 && text.length < 20_000);
}

function referenceBlocks(text: string): string[] {
  const blocks: string[] = [];
  const visit = (node: Nodes, isInList: boolean): void => {
    for (const child of 'children' in node ? node.children : []) {
      const line = child.position?.start.line ?? 0;
      if (child.type === 'heading' && !isInList) blocks.push(`${line} heading ${child.depth}`);
      else if (child.type === 'code') blocks.push(`${line} code`);
      else if (child.type === 'blockquote') blocks.push(`${line} quote`);
      else if (child.type === 'table')
        for (const row of child.children) blocks.push(`${row.position?.start.line} row`);
      else if (child.type === 'list' || child.type === 'listItem') visit(child, true);
    }
  };
  visit(fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] }), false);
  return blocks;
}

function scannedBlocks(text: string): string[] {
  let line = 1;
  let counted = 0;
  const blocks: string[] = [];
  for (const { kind, start, end } of scanMarkdown(text).blocks) {
    line += text.slice(counted, start).split('\n').length - 1;
    counted = start;
    if (kind === 'heading') blocks.push(`${line} heading ${levelOf(text.slice(start, end))}`);
    else if (kind === 'code') blocks.push(`${line} code`);
    else if (kind === 'quote') blocks.push(`${line} quote`);
    else if (kind === 'table-row') blocks.push(`${line} row`);
  }
  return blocks;
}

function levelOf(heading: string): number {
  const marks = /^#{1,6}(?=\s|$)/.exec(heading)?.[0];
  if (marks !== undefined) return marks.length;
  return heading.trimEnd().endsWith('=') ? 1 : 2;
}
