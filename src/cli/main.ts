#!/usr/bin/env node
import { Command as Program } from 'commander';
import type { CommandModule } from './command.ts';

/** Every command with the sentence `--help` shows. */
const COMMANDS: Readonly<Record<string, readonly [summary: string, load: () => Promise<CommandModule>]>> = {
  ingest: ['turn files, folders and URLs into searchable chunks', () => import('./commands/ingest.ts')],
  search: ['find the chunks nearest in meaning to a question', () => import('./commands/search.ts')],
  context: [
    'pack the best passages for a question into one cited text',
    () => import('./commands/context.ts'),
  ],
  collections: [
    'list, inspect, create, extend and drop collections',
    () => import('./commands/collections.ts'),
  ],
  docs: ['list, show and delete documents', () => import('./commands/docs.ts')],
  status: ['say how the server, its search module and the indexes are', () => import('./commands/status.ts')],
  up: ['start the embedded Redis server of the data home', () => import('./commands/up.ts')],
  down: ['stop the embedded Redis server, saving its data', () => import('./commands/down.ts')],
  setup: ['fetch the server and the model where they are missing', () => import('./commands/setup.ts')],
  demo: [
    'ingest a handbook into a server of its own and answer questions from it',
    () => import('./commands/demo.ts'),
  ],
};

const program = new Program('stacklore')
  .description('Knowledge retrieval and vector search on Redis: folders of documents in, answers out.')
  .exitOverride();
const named = process.argv.slice(2).find((argument) => !argument.startsWith('-')) ?? '';
for (const [name, [summary]] of Object.entries(COMMANDS)) {
  if (name !== named) program.command(name).summary(summary).description(summary);
}

const entry = COMMANDS[named];
if (entry) {
  // Only the named command's module is loaded, and with it what it needs: `--help` stays quick.
  const [{ addCommand }, module] = await Promise.all([import('./run.ts'), entry[1]()]);
  addCommand(program, named, entry[0], module);
}
try {
  await program.parseAsync(process.argv);
} catch (error) {
  const { exitCode = 2 } = error as { exitCode?: number };
  process.exitCode = exitCode === 1 ? 2 : exitCode;
}
