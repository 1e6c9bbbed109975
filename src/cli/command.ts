import type { Readable, Writable } from 'node:stream';
import type { z } from 'zod';
import type { Config, ConfigInput } from '../config.ts';
import type { ProvisionReport } from '../provision/report.ts';
import type { Stacklore } from '../stacklore.ts';

/** One flag: commander's notation, its help, and how it is repeated. */
export interface Flag {
  readonly flags: string;
  readonly description: string;
  /** Taken several times, giving a list. */
  readonly isList?: boolean;
}

/** The process a command line runs in; tests give one of their own. */
export interface Host {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly columns?: number; readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(code: number): void;
}

/** What a command gets from the process around it. */
export interface Terminal {
  /** A line of what is being done, to standard output; silent with --json. */
  print(line: string): void;
  /** A line about the work, to standard error; silent with --json. */
  note(line: string): void;
  readonly isInteractive: boolean;
  /** Whether standard output is a terminal that shows bold text. */
  readonly isStyled: boolean;
  readonly columns: number;
  readonly stdin: Host['stdin'];
  /** For what is neither lines nor an outcome, such as a protocol. */
  readonly stdout: Host['stdout'];
  readonly stderr: Host['stderr'];
  /** Aborted by the first Ctrl-C, or when the process is asked to end. */
  readonly signal: AbortSignal;
}

/** Where a command runs: its terminal, its configuration, and the façade opened when it asks for it. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Told what is being fetched; silent with --json only. */
  readonly report: ProvisionReport;
  /** The settings of flags, environment and file, these over them. */
  readonly config: (over?: ConfigInput) => Config;
  /** Opened once, with these settings over those of `config`, and closed when the command has ended. */
  readonly lore: (over?: ConfigInput) => Stacklore;
}

/** What a command has done: data for --json, lines for people, and whether something failed. */
export interface Outcome {
  /** Nothing is printed for `undefined`. */
  readonly data: unknown;
  readonly lines: readonly string[];
  readonly exitCode?: number;
}

/** A command as data: help, flags and their schema, and the function that carries it out. */
export interface Command<Flags extends z.ZodObject = z.ZodObject> {
  readonly summary: string;
  /** Commander's notation, e.g. `<sources...>`. */
  readonly arguments?: string;
  readonly flags: readonly Flag[];
  readonly schema: Flags;
  /** Settings of the library that other flags than those of their names give: setting to flag, both without dashes. */
  readonly settingFlags?: Readonly<Record<string, string>>;
  readonly examples?: readonly string[];
  run(context: CommandContext, args: readonly string[], flags: z.output<Flags>): Promise<Outcome>;
}

/** A name with commands of its own below it, or one command. */
export type CommandModule =
  | { readonly command: Command }
  | { readonly commands: Readonly<Record<string, Command>> };

/** Ties the type of a command's flags to its schema. */
export function defineCommand<Flags extends z.ZodObject>(command: Command<Flags>): Command {
  // The runner parses the flags by this very schema before it calls `run`.
  return command as unknown as Command;
}
