import type { Config } from '../config.ts';
import { errorMessage } from '../errors.ts';
import { type ControlConnection, parseInfo } from './control-connection.mjs';
import { dataHome, findSocketPath } from './data-home.ts';
import { findIdleStop } from './idle-stop.ts';
import { listeningPort } from './loopback-port.ts';
import { reachServer } from './server-ready.ts';
import { readServerRecord } from './server-record.ts';
import { findVersions } from './server-replacement.ts';

/** The shared server of a data home as it is now. */
export interface EmbeddedStatus {
  readonly running: boolean;
  /** Where it listens, or will listen; absent while that is not decided, in a home with a long path. */
  readonly socketPath?: string;
  readonly logPath: string;
  /** Why a running server tells no more than its process id. */
  readonly problem?: string;
  /** The rest is known of a running server only. */
  readonly pid?: number;
  readonly version?: string;
  /** Version of its search module; absent when it has none. */
  readonly moduleVersion?: string;
  /** Loopback TCP port; absent when none is open. */
  readonly port?: number;
  /** How much of its data is loaded, in percent; absent once it is ready. */
  readonly loadedPercent?: number;
  /** It stops after this long without a client; 0 when it does not. */
  readonly idleStopSeconds?: number;
  readonly uptimeSeconds?: number;
  readonly usedMemoryBytes?: number;
}

/** How the server of a data home is; starts and creates nothing. */
export async function embeddedStatus(config: Config): Promise<EmbeddedStatus> {
  const paths = dataHome(config.home);
  const socketPath = findSocketPath(paths);
  const stopped = {
    running: false,
    logPath: paths.logPath,
    ...(socketPath === undefined ? {} : { socketPath }),
  };
  const connection = socketPath === undefined ? undefined : await reachServer(socketPath);
  if (!connection) return stopped;
  try {
    return { ...stopped, running: true, ...(await describeRunning(connection)) };
  } catch (error) {
    const pid = readServerRecord(paths.recordPath)?.pid;
    return { ...stopped, running: true, problem: errorMessage(error), ...(pid === undefined ? {} : { pid }) };
  } finally {
    connection.close();
  }
}

/** A status is asked by somebody who waits for it. */
const ANSWER_MS = 5_000;

async function describeRunning(connection: ControlConnection): Promise<Partial<EmbeddedStatus>> {
  const info = parseInfo(await connection.send(['INFO'], { timeoutMs: ANSWER_MS }));
  const { server, module } = await findVersions(connection);
  const port = await listeningPort(connection);
  const isLoading = info.get('loading') === '1';
  return {
    pid: Number(info.get('process_id')),
    version: server,
    ...(module === undefined ? {} : { moduleVersion: module }),
    ...(port === 0 ? {} : { port }),
    ...(isLoading ? { loadedPercent: Number(info.get('loading_loaded_perc') ?? 0) } : {}),
    idleStopSeconds: await findIdleStop(connection),
    uptimeSeconds: Number(info.get('uptime_in_seconds')),
    usedMemoryBytes: Number(info.get('used_memory')),
  };
}
