import type { Command as Program } from 'commander';
import { ZodError } from 'zod';
import { type ConfigInput, loadConfig } from '../config.ts';
import { type ErrorCode, errorMessage, StackloreError } from '../errors.ts';
import { printReport, silentReport } from '../provision/report.ts';
import { openStacklore, type Stacklore } from '../stacklore.ts';
import type { Command, CommandContext, CommandModule, Host, Outcome, Terminal } from './command.ts';
import { EXIT_CODES } from './exit-code.ts';
import { nameFlags } from './name-flags.ts';

/** Flags every command takes; they are settings, and win over environment and file. */
const COMMON_FLAGS = [
  ['--json', 'print the result as JSON'],
  ['--home <folder>', 'data home (STACKLORE_HOME)'],
  ['--config <file>', 'configuration file (STACKLORE_CONFIG)'],
  ['--redis-url <url>', 'use this server instead of the embedded one (REDIS_URL)'],
  ['--model <name>', 'embedding model (STACKLORE_MODEL)'],
  ['--model-dir <folder>', 'folder that holds the embedding model (STACKLORE_MODEL_DIR)'],
] as const;

interface CommonFlags {
  json?: boolean;
  home?: string;
  config?: string;
  redisUrl?: string;
  model?: string;
  modelDir?: string;
}

/** Takes the chosen command, ready to run; it prints its outcome or its error, and gives the exit code. */
export type OnChosen = (run: (host: Host) => Promise<number>) => Promise<void>;

/** Adds a command, or a name with commands below it, to the program. */
export function addCommand(
  program: Program,
  { name, summary, module }: { name: string; summary: string; module: CommandModule },
  onChosen: OnChosen,
): void {
  const parent = program.command(name).summary(summary);
  if ('command' in module) {
    defineOne(parent, module.command, { verb: name, onChosen });
    return;
  }
  parent.description(summary);
  for (const [subName, command] of Object.entries(module.commands))
    defineOne(parent.command(subName), command, { verb: `${name}-${subName}`, onChosen });
}

function defineOne(
  program: Program,
  command: Command,
  { verb, onChosen }: { readonly verb: string; readonly onChosen: OnChosen },
): void {
  program.description(command.summary).summary(command.summary);
  if (command.arguments) program.arguments(command.arguments);
  for (const { flags, description, isList } of command.flags) {
    if (isList) program.option(flags, description, (value: string, list: string[] = []) => [...list, value]);
    else program.option(flags, description);
  }
  for (const [flags, description] of COMMON_FLAGS) program.option(flags, description);
  if (command.examples)
    program.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  ${line}`).join('\n')}`);
  program.action(() =>
    onChosen((host) => runCommand(command, { verb, args: program.args, given: program.opts(), host })),
  );
}

/** Codes of errors whose messages name settings that a flag may have given. */
const NAMING: readonly ErrorCode[] = ['invalid_input', 'invalid_config', 'manifest_mismatch'];

interface Call {
  /** The command's name, for the names of its connections. */
  readonly verb: string;
  readonly args: readonly string[];
  readonly given: CommonFlags;
  readonly host: Host;
}

async function runCommand(command: Command, { verb, args, given, host }: Call): Promise<number> {
  const {
    json = false,
    home: _home,
    redisUrl: _url,
    model: _model,
    modelDir: _dir,
    config,
    ...flags
  } = given;
  const { terminal, release } = openTerminal(host, json);
  const settings = settingsOf(given);
  const sources = { env: host.env, ...(config !== undefined && { configFile: config }) };
  let lore: Stacklore | undefined;
  const report = json ? silentReport : printReport(host.stderr);
  const context: CommandContext = {
    terminal,
    report,
    config: (over = {}) => loadConfig({ settings: { ...settings, ...over }, ...sources }),
    lore: (over = {}) => {
      const options = { ...sources, report, onNotice: terminal.note, purpose: verb };
      lore ??= openStacklore({ ...settings, ...over }, options);
      return lore;
    },
  };
  try {
    const outcome = await command.run(context, args, command.schema.parse(flags));
    printOutcome(host, outcome, json);
    return outcome.exitCode ?? 0;
  } catch (error) {
    return printError(host, error, { json, nameFlags: (text) => nameFlags(text, command, { ...given }) });
  } finally {
    release();
    await lore?.close();
  }
}

function settingsOf({ home, redisUrl, model, modelDir }: CommonFlags): ConfigInput {
  return {
    ...(home !== undefined && { home }),
    ...(redisUrl !== undefined && { redisUrl }),
    ...((model !== undefined || modelDir !== undefined) && {
      model: {
        ...(model !== undefined && { name: model }),
        ...(modelDir !== undefined && { dir: modelDir }),
      },
    }),
  };
}

function printOutcome({ stdout }: Host, outcome: Outcome, json: boolean): void {
  if (outcome.data === undefined) return;
  if (json) stdout.write(`${JSON.stringify(outcome.data, null, 2)}\n`);
  else for (const line of outcome.lines) stdout.write(`${line}\n`);
}

function printError(
  { stdout, stderr, env }: Host,
  error: unknown,
  { json, nameFlags: named }: { json: boolean; nameFlags: (message: string) => string },
): number {
  const { code, message: text } = describeError(error);
  const message = NAMING.includes(code) ? named(text) : text;
  if (json) stdout.write(`${JSON.stringify({ error: { code, message } }, null, 2)}\n`);
  else stderr.write(`stacklore: ${message}\n`);
  if (code === 'internal' && env.STACKLORE_DEBUG && error instanceof Error) stderr.write(`${error.stack}\n`);
  return EXIT_CODES[code];
}

function describeError(error: unknown): Pick<StackloreError, 'code' | 'message'> {
  if (error instanceof StackloreError) return error;
  if (error instanceof ZodError) {
    const issues = error.issues.map(
      (issue) => `--${kebabCase(String(issue.path[0] ?? ''))}: ${issue.message}`,
    );
    return {
      code: 'invalid_input',
      message: `${issues.join('; ')}. Run with --help to see what is expected.`,
    };
  }
  return { code: 'internal', message: `${errorMessage(error)} (set STACKLORE_DEBUG=1 to see where)` };
}

function openTerminal(host: Host, json: boolean): { terminal: Terminal; release: () => void } {
  const { stdin, stdout, stderr } = host;
  const abort = new AbortController();
  const onInterrupt = () => {
    if (abort.signal.aborted) host.exit(130);
    abort.abort();
    stderr.write('\nFinishing what is under way; press Ctrl-C again to stop at once.\n');
  };
  const onTerminate = () => abort.abort();
  host.on('SIGINT', onInterrupt);
  host.on('SIGTERM', onTerminate);
  const terminal: Terminal = {
    print: (line) => void (json || stdout.write(`${line}\n`)),
    note: (line) => void (json || stderr.write(`${line}\n`)),
    isInteractive: Boolean(stderr.isTTY) && !json,
    isStyled: Boolean(stdout.isTTY) && !json,
    // Some terminals give their width as 0.
    columns: stdout.columns || 100,
    stdin,
    stdout,
    stderr,
    signal: abort.signal,
  };
  const release = () => {
    host.off('SIGINT', onInterrupt);
    host.off('SIGTERM', onTerminate);
  };
  return { terminal, release };
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
