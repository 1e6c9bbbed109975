import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { AddedFact } from '../../stores/knowledge/fact.ts';
import { type Command, defineCommand, type Flag } from '../command.ts';
import {
  describeFact,
  FACT_FILTER_FLAGS,
  FACT_FLAGS,
  factFilterFlags,
  factFilterOf,
  factFlags,
} from '../fact-flags.ts';
import { factProgress } from '../fact-progress.ts';
import { decimalNumber, wholeNumber } from '../flag-values.ts';
import { counted, oneLine, table } from '../format.ts';
import { given } from '../given.ts';

const THRESHOLD_FLAG: Flag = {
  flags: '--duplicate-threshold <number>',
  description: 'report facts at least this alike, from 0 to 1 (facts.duplicateThreshold, 0.95)',
};
const thresholdFlag = { duplicateThreshold: decimalNumber().optional() };

const add = defineCommand({
  summary: 'Add a fact; others that say the same are reported.',
  arguments: '<content...>',
  flags: [
    { flags: '--id <factId>', description: 'its id; a new one unless given' },
    { flags: '--user <userId>', description: "whose fact it is; everybody's unless given" },
    ...FACT_FLAGS,
    THRESHOLD_FLAG,
  ],
  schema: z.strictObject({
    id: z.string().optional(),
    user: z.string().optional(),
    ...factFlags,
    ...thresholdFlag,
  }),
  examples: [
    'stacklore facts add "A loan lasts 21 days." --category library --source loans.md --confidence 0.9',
  ],
  async run({ lore }, words, { id: factId, user: userId, duplicateThreshold, ...fields }) {
    const fact = { content: words.join(' '), ...given({ factId, userId }), ...fields };
    const added = await lore().addFact(fact, {
      ...(duplicateThreshold !== undefined && { duplicateThreshold }),
    });
    return { data: added, lines: [`Added ${added.factId}`, ...describeDuplicates(added)] };
  },
});

const get = defineCommand({
  summary: 'Show a fact.',
  arguments: '<factId>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [factId = '']) {
    const fact = await lore().facts.get(factId);
    const lines = Object.entries(fact).map(([name, value]) => {
      return `${name}: ${value instanceof Date ? value.toISOString() : String(value)}`;
    });
    return { data: fact, lines };
  },
});

const update = defineCommand({
  summary: 'Change a fact; what is not given stays.',
  arguments: '<factId>',
  flags: [
    { flags: '--content <text>', description: 'what it says from now on' },
    ...FACT_FLAGS,
    { flags: '--unverified', description: 'nobody has checked it' },
    THRESHOLD_FLAG,
  ],
  schema: z.strictObject({
    content: z.string().optional(),
    ...factFlags,
    unverified: z.boolean().default(false),
    ...thresholdFlag,
  }),
  async run({ lore }, [factId = ''], { verified, unverified, duplicateThreshold, ...fields }) {
    const checked = factFilterOf({ ...(verified && { verified }), unverified });
    const updated = await lore().updateFact(
      factId,
      { ...fields, ...(checked.verified !== undefined && { verified: checked.verified }) },
      { ...(duplicateThreshold !== undefined && { duplicateThreshold }) },
    );
    return { data: updated, lines: [`Updated ${factId}`, ...describeDuplicates(updated)] };
  },
});

const verify = defineCommand({
  summary: 'Mark facts as verified.',
  arguments: '<factIds...>',
  flags: [{ flags: '--undo', description: 'mark them as not verified' }],
  schema: z.strictObject({ undo: z.boolean().default(false) }),
  async run({ lore }, factIds, { undo }) {
    // All are looked for first: a misspelt id among many must not leave the work half done.
    await Promise.all(factIds.map((factId) => lore().facts.get(factId)));
    const facts = await Promise.all(factIds.map((factId) => lore().facts.verify(factId, !undo)));
    const done = undo ? 'Not verified' : 'Verified';
    return { data: { facts }, lines: facts.map(({ factId, content }) => `${done}: ${factId} (${content})`) };
  },
});

const remove = defineCommand({
  summary: 'Delete facts.',
  arguments: '<factIds...>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, args) {
    const factIds = [...new Set(args)];
    // What cannot be read can be deleted all the same.
    await Promise.all(factIds.map((factId) => lore().facts.get(factId).catch(passUnreadable)));
    await Promise.all(factIds.map((factId) => lore().facts.delete(factId)));
    return { data: { deleted: factIds }, lines: factIds.map((factId) => `Deleted ${factId}`) };
  },
});

const list = defineCommand({
  summary: 'List facts, newest first.',
  flags: [
    ...FACT_FILTER_FLAGS,
    { flags: '--offset <number>', description: 'skip this many' },
    { flags: '--limit <number>', description: 'list at most this many (100)' },
  ],
  schema: z.strictObject({
    ...factFilterFlags,
    offset: wholeNumber(0).default(0),
    limit: wholeNumber(1, 10_000).default(100),
  }),
  examples: ['stacklore facts list --category library --min-confidence 0.8'],
  async run({ lore, terminal }, _args, { offset, limit, ...filter }) {
    const page = await lore().facts.list({ ...factFilterOf(filter), offset, limit });
    for (const { message } of page.unreadable) terminal.note(`Note: ${message}`);
    const rows = page.items.map(({ factId, category, confidence, verified, source, content }) => {
      return [factId, category, String(confidence), verified ? 'yes' : 'no', source, oneLine(content, 60)];
    });
    return {
      data: page,
      lines: [
        ...table(['fact id', 'category', 'confidence', 'verified', 'source', 'content'], rows),
        `${page.items.length} of ${counted(page.total, 'fact')}`,
      ],
    };
  },
});

const search = defineCommand({
  summary: 'Find the facts nearest in meaning to a question.',
  arguments: '<query...>',
  flags: [
    ...FACT_FILTER_FLAGS,
    { flags: '--top-k <number>', description: 'how many hits, 1 to 1000 (5)' },
    { flags: '--offset <number>', description: 'skip this many hits' },
    { flags: '--min-score <number>', description: 'leave out hits whose score is lower' },
    { flags: '--user-id <id>', description: 'whose usage it counts for (anonymous)' },
  ],
  schema: z.strictObject({
    ...factFilterFlags,
    topK: wholeNumber(1, 1_000).default(5),
    offset: wholeNumber(0).optional(),
    minScore: decimalNumber().optional(),
    userId: z.string().optional(),
  }),
  examples: ['stacklore facts search "how long is a loan?" --verified'],
  async run({ lore, terminal }, words, { topK, offset, minScore, userId, ...filter }) {
    const answer = await lore().searchFacts({
      ...{ query: words.join(' '), topK, ...factFilterOf(filter) },
      ...(offset !== undefined && { offset }),
      ...(minScore !== undefined && { minScore }),
      ...(userId !== undefined && { userId }),
    });
    for (const warning of answer.warnings) terminal.note(`Note: ${warning}`);
    const lines = answer.hits.flatMap((hit, at) => {
      const [content = '', place = ''] = describeFact(hit);
      return [`${at + 1}. ${hit.score.toFixed(3)}  ${content}`, place];
    });
    return { data: answer, lines: lines.length === 0 ? ['Nothing found.'] : lines };
  },
});

const importFile = defineCommand({
  summary: 'Import facts from JSON Lines; a line with an id replaces that fact.',
  arguments: '<file>',
  flags: [...FACT_FLAGS, THRESHOLD_FLAG],
  schema: z.strictObject({ ...factFlags, ...thresholdFlag }),
  examples: [
    'stacklore facts import facts.jsonl --category library',
    'stacklore facts import - < facts.jsonl',
  ],
  async run({ lore, terminal }, [file = ''], { duplicateThreshold, ...defaults }) {
    const progress = factProgress(terminal, 'lines');
    const report = await lore()
      .importFacts(file === '-' ? bytesOf(terminal.stdin) : file, {
        ...{ defaults, signal: terminal.signal },
        ...(duplicateThreshold !== undefined && { duplicateThreshold }),
        onProgress: ({ lines, bytes, totalBytes = 0 }) => {
          progress.onProgress({ count: lines, share: totalBytes > 0 ? bytes / totalBytes : undefined });
        },
      })
      .finally(progress.end);
    for (const { line, message } of report.problems) terminal.note(`Line ${line}: ${message}`);
    for (const { line, factId, duplicates } of report.duplicates) {
      const others = duplicates.map((other) => `${other.factId} (${other.similarity.toFixed(3)})`);
      terminal.note(`Line ${line}: ${factId} says the same as ${others.join(', ')}`);
    }
    const { lines, added, updated, unchanged, failed, duplicated } = report;
    return {
      data: report,
      lines: [
        `${counted(lines, 'line')}: ${added} added, ${updated} updated, ${unchanged} unchanged, ${failed} failed; ${duplicated} say what others say`,
        ...(report.interrupted
          ? ['Interrupted: import it again for the rest. Lines without an id would be new facts again.']
          : []),
      ],
      exitCode: exitCodeOf(report),
    };
  },
});

const embed = defineCommand({
  summary: 'Embed the facts that have no vector of what they say, such as those of other programs.',
  flags: [
    {
      flags: '--switch-model',
      description: 'embed all facts with the configured model although they have another',
    },
  ],
  schema: z.strictObject({ switchModel: z.boolean().default(false) }),
  async run({ lore, terminal }, _args, { switchModel }) {
    const progress = factProgress(terminal, 'facts');
    const report = await lore()
      .embedFacts({
        ...{ switchModel, signal: terminal.signal },
        onProgress: ({ done, total }) => {
          progress.onProgress({ count: done, share: total > 0 ? done / total : undefined });
        },
      })
      .finally(progress.end);
    for (const { factId, message } of report.problems) terminal.note(`${factId}: ${message}`);
    const { scanned, embedded, changed, failed } = report;
    return {
      data: report,
      lines: [
        `${counted(scanned, 'fact')}: ${embedded} embedded, ${failed} failed, ${changed} changed meanwhile`,
        ...(report.interrupted ? ['Interrupted: run it again for the rest.'] : []),
      ],
      exitCode: exitCodeOf(report),
    };
  },
});

export const commands: Record<string, Command> = {
  ...{ add, get, update, verify, delete: remove, list, search },
  ...{ import: importFile, embed },
};

function exitCodeOf({ failed, interrupted }: { failed: number; interrupted: boolean }): number {
  return failed > 0 ? 1 : interrupted ? 130 : 0;
}

function passUnreadable(error: unknown): void {
  if (!(error instanceof StackloreError && error.code === 'record_invalid')) throw error;
}

function describeDuplicates({ duplicates }: AddedFact): string[] {
  return duplicates.map(({ factId, similarity, exact }) => {
    return exact
      ? `Note: ${factId} says the same`
      : `Note: ${factId} says nearly the same (${similarity.toFixed(3)})`;
  });
}

async function* bytesOf(stdin: NodeJS.ReadableStream): AsyncGenerator<Uint8Array | string> {
  for await (const chunk of stdin) yield chunk;
}
