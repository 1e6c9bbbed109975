import { CommanderError, Command as Program } from 'commander';
import { errorMessage } from '../errors.ts';
import { version } from '../version.ts';
import type { CommandModule, Host } from './command.ts';

/** Every command with the sentence `--help` shows. */
const COMMANDS: Readonly<Record<string, readonly [summary: string, load: () => Promise<CommandModule>]>> = {
  ingest: ['turn files, folders and URLs into searchable chunks', () => import('./commands/ingest.ts')],
  worker: ['take ingest jobs from the queue and share them', () => import('./commands/worker.ts')],
  jobs: ['list, show, follow and cancel ingest jobs', () => import('./commands/jobs.ts')],
  search: ['find the chunks that answer a question best', () => import('./commands/search.ts')],
  context: [
    'pack the best passages for a question into one cited text',
    () => import('./commands/context.ts'),
  ],
  embed: ['print the vector of a text', () => import('./commands/embed.ts')],
  explain: ['say why a document is, or is not, in the answer', () => import('./commands/explain.ts')],
  map: ['lay the chunks of a collection out on a plane', () => import('./commands/map.ts')],
  eval: ['measure searches by judgements, or collect judgements', () => import('./commands/eval.ts')],
  'verify-citation': [
    'say whether what was cited still stands in its document',
    () => import('./commands/verify-citation.ts'),
  ],
  collections: [
    'list, inspect, create, extend and drop collections',
    () => import('./commands/collections.ts'),
  ],
  reindex: [
    'give a collection another model, analyser, index or chunk size without downtime',
    () => import('./commands/reindex.ts'),
  ],
  docs: ['list, show and delete documents', () => import('./commands/docs.ts')],
  facts: ['add, find, check, import and embed single facts', () => import('./commands/facts.ts')],
  sessions: ['create, show, use, link, list and end sessions', () => import('./commands/sessions.ts')],
  conversations: [
    'append, read, count, trim and delete the messages of conversations',
    () => import('./commands/conversations.ts'),
  ],
  'erase-user': [
    'delete everything that is held about one user id',
    () => import('./commands/erase-user.ts'),
  ],
  prompts: [
    'save, render, list and exchange system prompts, templates and prompts of users',
    () => import('./commands/prompts.ts'),
  ],
  queue: ['queue tasks, look at queues, work on them', () => import('./commands/queue.ts')],
  cache: ['count, show and forget cached answers', () => import('./commands/cache.ts')],
  ratelimit: [
    'count requests of clients, show and reset their windows',
    () => import('./commands/ratelimit.ts'),
  ],
  metrics: ['record metrics, show them by hour or day', () => import('./commands/metrics.ts')],
  usage: ['show what users used, by user or day', () => import('./commands/usage.ts')],
  errors: ['count, show and log errors', () => import('./commands/errors.ts')],
  counters: ['count events in windows of a minute, hour and day', () => import('./commands/counters.ts')],
  mcp: [
    'serve collections to language models by the Model Context Protocol',
    () => import('./commands/mcp.ts'),
  ],
  status: ['say how the server, its search module and the indexes are', () => import('./commands/status.ts')],
  backup: ['write archives of the named databases, or a snapshot', () => import('./commands/backup.ts')],
  restore: ['restore an archive, checked before anything is written', () => import('./commands/restore.ts')],
  cleanup: [
    'remove cached answers, old analytics, orphans, dead letters',
    () => import('./commands/cleanup.ts'),
  ],
  doctor: ['look for what is wrong, and put it right', () => import('./commands/doctor.ts')],
  migrate: [
    'bring records from another database, or chunks of another tool',
    () => import('./commands/migrate.ts'),
  ],
  export: [
    'write a collection to JSON Lines, or as another tool keeps it',
    () => import('./commands/export.ts'),
  ],
  keys: ['count and measure keys by record family', () => import('./commands/keys.ts')],
  serve: ['serve the HTTP API and the search page', () => import('./commands/serve.ts')],
  acl: ['print Redis users with the least rights, and check those in use', () => import('./commands/acl.ts')],
  'api-keys': ['make, list and revoke keys of the HTTP API', () => import('./commands/api-keys.ts')],
  up: ['start the embedded Redis server of the data home', () => import('./commands/up.ts')],
  down: ['stop the embedded Redis server, saving its data', () => import('./commands/down.ts')],
  setup: ['fetch the server and the model where they are missing', () => import('./commands/setup.ts')],
  demo: [
    'ingest a handbook into a server of its own and answer questions from it',
    () => import('./commands/demo.ts'),
  ],
};

const USAGE = 2;

/** Runs one command line and gives its exit code; never throws. */
export async function runProgram(args: readonly string[], host: Host): Promise<number> {
  const isJson = args.includes('--json');
  const program = new Program('stacklore')
    .description('Knowledge retrieval and vector search on Redis: folders of documents in, answers out.')
    // After a verb, a flag is the verb's own: `prompts show x --version 1.0.0`.
    .enablePositionalOptions()
    .version(version(), '-V, --version', 'print the version')
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      // With --json the refusal is printed as JSON below.
      writeErr: (text) => void (isJson || host.stderr.write(text)),
    })
    .exitOverride();
  try {
    return await parse(program, args, host);
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      host.stderr.write(`stacklore: ${errorMessage(error)}\n`);
      return 1;
    }
    if (error.exitCode === 0) return 0;
    if (isJson) {
      const message = `${error.message.replace(/^error: /, '')}. Run with --help to see what is expected.`;
      host.stdout.write(`${JSON.stringify({ error: { code: 'invalid_input', message } }, null, 2)}\n`);
    }
    return USAGE;
  }
}

async function parse(program: Program, args: readonly string[], host: Host): Promise<number> {
  const words = args.filter((argument) => !argument.startsWith('-'));
  const named = (words[0] === 'help' ? words[1] : words[0]) ?? '';
  for (const [name, [summary]] of Object.entries(COMMANDS)) {
    if (name !== named) program.command(name).summary(summary).description(summary);
  }
  let exitCode = 0;
  const entry = Object.hasOwn(COMMANDS, named) ? COMMANDS[named] : undefined;
  if (entry) {
    const [summary, load] = entry;
    // Only the named command's module is loaded, and with it what it needs: `--help` stays quick.
    const [{ addCommand }, module] = await Promise.all([import('./run.ts'), load()]);
    addCommand(program, { name: named, summary, module }, async (run) => {
      exitCode = await run(host);
    });
  }
  await program.parseAsync(args, { from: 'user' });
  return exitCode;
}
