import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { annualReportPdf, donationsPolicyDocx } from './support/handbook-binaries.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const DOCUMENTS = join(FIXTURES, 'documents');

interface Question {
  readonly _id: string;
  readonly text: string;
  readonly expected: readonly string[];
  readonly answer: string;
}

function readText(...path: string[]): string {
  return readFileSync(join(FIXTURES, ...path), 'utf8');
}

function questions(): Question[] {
  const lines = readText('queries', 'handbook.jsonl').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Question);
}

function documentPaths(): string[] {
  const entries = readdirSync(DOCUMENTS, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name).slice(DOCUMENTS.length + 1)] : [],
  );
}

describe('the handbook', () => {
  it('has a page in every format that can be ingested', () => {
    const extensions = new Set(documentPaths().map((path) => path.slice(path.lastIndexOf('.'))));

    expect([...extensions].sort()).toEqual(
      ['.csv', '.docx', '.html', '.json', '.jsonl', '.md', '.pdf', '.py', '.ts', '.txt'].sort(),
    );
  });

  it.each([
    ['reports/annual-report-2024.pdf', annualReportPdf],
    ['policies/donations-and-gifts.docx', donationsPolicyDocx],
  ] as const)('holds %s exactly as it is generated', (path, generate) => {
    const file = join(DOCUMENTS, path);
    if (process.env.UPDATE_FIXTURES === '1') writeFileSync(file, generate());

    expect(readFileSync(file).equals(generate())).toBe(true);
  });
});

describe('the questions', () => {
  it('have ids of their own, a text and an answer', () => {
    const all = questions();

    expect(new Set(all.map((question) => question._id)).size).toBe(all.length);
    for (const question of all) expect(question.text.length * question.answer.length).toBeGreaterThan(0);
  });

  it('expect only documents and rows that exist', () => {
    const rows = [
      ...readText('documents', 'data', 'incidents-2024.jsonl').matchAll(/"_id":"([^"]+)"/g),
      ...readText('documents', 'data', 'library-of-things.csv').matchAll(/^(lot-\d+),/gm),
    ].map((match) => match[1]);
    const known = new Set(documentPaths());

    for (const { expected } of questions()) {
      expect(expected.length).toBeGreaterThan(0);
      for (const place of expected) {
        const [path, row] = place.split('#');
        expect(known).toContain(path);
        if (row !== undefined) expect(rows).toContain(row);
      }
    }
  });

  it('ask something of every document of the handbook', () => {
    const asked = new Set(
      questions().flatMap(({ expected }) => expected.map((place) => place.split('#')[0])),
    );

    expect(documentPaths().filter((path) => !asked.has(path))).toEqual([]);
  });
});
