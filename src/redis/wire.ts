import type { Config } from '../config.ts';
import type { Place, RedisCommand } from './command.ts';

/** The way of bytes to Redis and back: a client of one server, or of a cluster. Knows neither deadlines nor our errors. */
export interface Wire {
  /** Of a cluster, `at` names the node; elsewhere there is one. */
  send(command: RedisCommand, buffers: boolean, at?: Place): Promise<unknown>;
  /** MULTI, the commands and EXEC with nothing in between; gives EXEC's replies, errors among them. */
  transact(commands: readonly RedisCommand[], buffers: boolean): Promise<unknown[]>;
  /** True for an error Redis replied with, false for anything that broke on the way. */
  isReply(error: unknown): boolean;
  /** True for an error of a command that was not sent, as there was no connection to its server and none could be made. */
  isUnsent(error: unknown): boolean;
  /** True for a reply which tells that another server should be asked from now on. */
  isStale(error: unknown): boolean;
  /** Whether another server has taken the place of this one, where that can be asked elsewhere. */
  readonly isSuperseded?: () => Promise<boolean>;
  /** The addresses of a cluster's masters; absent where there is one server. */
  masters?(): readonly string[];
  destroy(): void;
}

/** How a wire is opened. */
export interface WireOptions {
  readonly number: number;
  readonly clientName: string;
  readonly tls: Config['tls'];
  /** For this attempt to open it. */
  readonly timeoutMs: number;
  /** For each connection that it opens later. */
  readonly connectTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Called when the connection ends by itself. */
  readonly onEnd: () => void;
}
