import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type ConfigInput, provisionDir } from '../../config.ts';
import { StackloreError } from '../../errors.ts';
import { provisionServer } from '../../provision/redis-pair.ts';
import { startPrivateRedis } from '../../redis/private-redis.ts';
import { openStacklore, type Stacklore } from '../../stacklore.ts';
import { defineCommand, type Terminal } from '../command.ts';
import { formatBytes, wrap } from '../format.ts';
import { markFor } from '../mark-hit.ts';
import { ingestProgress } from '../progress.ts';
import { describeHit } from './search.ts';

const FIXTURES = fileURLToPath(new URL('../../../fixtures/', import.meta.url));
const COLLECTION = 'handbook';
/** A page, a procedure, a DOCX, a rule. */
const SHOWN = ['q003', 'q034', 'q058', 'q048'];
const DEPTH = 5;

/** Stand in for every URL somebody configured, usable or not; the demo has a server of its own. */
const UNUSED = { url: 'unix:/unused' };
const NO_URLS: ConfigInput = {
  redisUrl: UNUSED.url,
  databases: { main: UNUSED, knowledge: UNUSED, prompts: UNUSED, analytics: UNUSED },
};

interface Question {
  readonly _id: string;
  readonly text: string;
  readonly expected: readonly string[];
}

export const command = defineCommand({
  summary: 'Ingest a handbook into a Redis server of its own, ask it questions, and leave nothing behind.',
  flags: [],
  schema: z.strictObject({}),
  async run({ terminal, report, config }) {
    const given = config(NO_URLS);
    const server = await startPrivateRedis({ files: await provisionServer(given, report) });
    const settings = server.config({ provisionDir: provisionDir(given), model: given.model });
    // The demo never touches a server somebody configured: of the environment it gets nothing.
    const lore = openStacklore(settings, {
      env: {},
      report,
      onNotice: terminal.note,
    });
    try {
      return await demonstrate(lore, terminal);
    } finally {
      await lore.close();
      await server.stop();
    }
  },
});

async function demonstrate(lore: Stacklore, terminal: Terminal) {
  const { server } = await lore.status();
  terminal.print(`Redis ${server.version} with search module ${server.searchModule}, on a private socket.\n`);
  const counts = await ingestHandbook(lore, terminal);
  const questions = await readQuestions();
  const shown = questions.filter(({ _id }) => SHOWN.includes(_id));
  await showAnswers(lore, terminal, shown);
  await showContext(lore, terminal, shown[1]?.text ?? '');
  const found = await countFound(lore, questions);
  const { databases, server: after } = await lore.status();
  return {
    data: { counts, questions: questions.length, found },
    lines: [
      `${found} of ${questions.length} questions have an expected document among the first ${DEPTH} hits.`,
      `${databases.knowledge.keys} keys, ${formatBytes(after.usedMemoryBytes)} of memory; all of it is removed now.`,
      '',
      'Next, after npm link: stacklore ingest <your folder> --collection docs, then stacklore search "…" --collection docs',
    ],
    exitCode: counts.failed > 0 || found === 0 ? 1 : 0,
  };
}

async function ingestHandbook(lore: Stacklore, terminal: Terminal) {
  const request = {
    sources: [`${FIXTURES}documents`],
    collection: COLLECTION,
    settings: {
      fields: [
        { name: 'lang', type: 'tag' as const },
        { name: 'year', type: 'number' as const },
      ],
    },
    read: { base: `${FIXTURES}documents` },
    signal: terminal.signal,
  };
  const progress = ingestProgress(terminal);
  const report = await lore.ingest({ ...request, onEvent: progress.onEvent }).finally(progress.end);
  for (const { status, source, reason } of report.problems)
    terminal.print(`${status}: ${source} (${reason})`);
  const { counts, chunks, seconds } = report;
  terminal.print(`Ingested ${counts.created} documents as ${chunks} chunks in ${seconds.toFixed(1)} s.`);
  const again = await lore.ingest(request);
  terminal.print(
    `Ingested once more: ${again.counts.unchanged} unchanged, ${again.embedded} chunks embedded.\n`,
  );
  return counts;
}

async function showAnswers(
  lore: Stacklore,
  terminal: Terminal,
  questions: readonly Question[],
): Promise<void> {
  for (const { text } of questions) {
    const started = performance.now();
    const { hits } = await lore.search({ query: text, collection: COLLECTION, topK: 1 });
    terminal.print(`Q: ${text}   (${(performance.now() - started).toFixed(0)} ms)`);
    for (const hit of hits)
      for (const line of describeHit(hit, 1, { width: 100, mark: markFor(terminal) })) terminal.print(line);
  }
}

async function showContext(lore: Stacklore, terminal: Terminal, query: string): Promise<void> {
  const context = await lore.context({ query, collection: COLLECTION, maxTokens: 300 });
  terminal.print(
    `The context a language model would get for the second question (${context.tokens} tokens):`,
  );
  for (const line of context.text.split('\n')) terminal.print(wrap(line, 100, '   | ').join('\n') || '   |');
  terminal.print('');
}

async function countFound(lore: Stacklore, questions: readonly Question[]): Promise<number> {
  let found = 0;
  for (const { text, expected } of questions) {
    const { hits } = await lore.search({ query: text, collection: COLLECTION, topK: DEPTH });
    if (hits.some(({ source }) => expected.includes(source))) found += 1;
  }
  return found;
}

async function readQuestions(): Promise<Question[]> {
  const path = `${FIXTURES}queries/handbook.jsonl`;
  const content = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new StackloreError('source_unreadable', {
      message: `The demo's questions are missing (${path}). Install stacklore again, or run the demo from a clone.`,
      cause,
    });
  });
  return content
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Question);
}
