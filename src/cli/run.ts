import { InvalidArgumentError, type Command as Program } from 'commander';
import { ZodError } from 'zod';
import { type ConfigInput, loadConfig } from '../config.ts';
import { errorMessage, StackloreError } from '../errors.ts';
import { printReport, silentReport } from '../provision/report.ts';
import { openStacklore, type Stacklore } from '../stacklore.ts';
import type { Command, CommandContext, CommandModule, Outcome, Terminal } from './command.ts';
import { EXIT_CODES } from './exit-code.ts';

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

/** Adds a command, or a name with commands below it, to the program. */
export function addCommand(program: Program, name: string, summary: string, module: CommandModule): void {
  const parent = program.command(name).summary(summary);
  if ('command' in module) {
    defineOne(parent, module.command);
    return;
  }
  parent.description(summary);
  for (const [subName, command] of Object.entries(module.commands))
    defineOne(parent.command(subName), command);
}

function defineOne(program: Program, command: Command): void {
  program.description(command.summary).summary(command.summary);
  if (command.arguments) program.arguments(command.arguments);
  for (const { flags, description, isList } of command.flags) {
    if (isList) program.option(flags, description, (value: string, list: string[] = []) => [...list, value]);
    else program.option(flags, description);
  }
  for (const [flags, description] of COMMON_FLAGS) program.option(flags, description);
  if (command.examples)
    program.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  ${line}`).join('\n')}`);
  program.action(async () => {
    process.exitCode = await runCommand(command, program.args, program.opts());
  });
}

/** Runs a command, prints its outcome or its error, and gives the exit code. */
async function runCommand(command: Command, args: string[], given: CommonFlags): Promise<number> {
  const { json = false, home, config, redisUrl, model, modelDir, ...flags } = given;
  const { terminal, release } = openTerminal(json);
  let lore: Stacklore | undefined;
  try {
    const settings: ConfigInput = {
      ...(home !== undefined && { home }),
      ...(redisUrl !== undefined && { redisUrl }),
      ...((model !== undefined || modelDir !== undefined) && {
        model: {
          ...(model !== undefined && { name: model }),
          ...(modelDir !== undefined && { dir: modelDir }),
        },
      }),
    };
    const sources = config === undefined ? {} : { configFile: config };
    const context: CommandContext = {
      terminal,
      settings,
      config: () => loadConfig({ settings, ...sources }),
      lore: () => {
        const report = json ? silentReport : printReport(process.stderr);
        lore ??= openStacklore(settings, { ...sources, report, onNotice: terminal.note });
        return lore;
      },
    };
    const outcome = await command.run(context, args, command.schema.parse(flags));
    printOutcome(terminal, outcome, json);
    return outcome.exitCode ?? 0;
  } catch (error) {
    return printError(error, json);
  } finally {
    release();
    await lore?.close();
  }
}

function printOutcome(terminal: Terminal, outcome: Outcome, json: boolean): void {
  if (json) terminal.print(JSON.stringify(outcome.data, null, 2));
  else for (const line of outcome.lines) terminal.print(line);
}

function printError(error: unknown, json: boolean): number {
  const { code, message } = describeError(error);
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message } }, null, 2)}\n`);
  else process.stderr.write(`stacklore: ${message}\n`);
  if (code === 'internal' && process.env['STACKLORE_DEBUG'] && error instanceof Error)
    process.stderr.write(`${error.stack}\n`);
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
  if (error instanceof InvalidArgumentError) return { code: 'invalid_input', message: error.message };
  return { code: 'internal', message: `${errorMessage(error)} (set STACKLORE_DEBUG=1 to see where)` };
}

function openTerminal(json: boolean): { terminal: Terminal; release: () => void } {
  const abort = new AbortController();
  const onInterrupt = () => {
    if (abort.signal.aborted) process.exit(130);
    abort.abort();
    process.stderr.write('\nFinishing what is under way; press Ctrl-C again to stop at once.\n');
  };
  process.on('SIGINT', onInterrupt);
  const terminal: Terminal = {
    print: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => void (json || process.stderr.write(`${line}\n`)),
    isInteractive: Boolean(process.stderr.isTTY) && !json,
    columns: process.stdout.columns ?? 100,
    stdin: process.stdin,
    stderr: process.stderr,
    signal: abort.signal,
  };
  return { terminal, release: () => void process.off('SIGINT', onInterrupt) };
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
