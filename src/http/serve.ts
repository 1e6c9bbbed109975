import { StackloreError } from '../errors.ts';
import { isLoopback } from '../mcp/http-guard.ts';
import type { Stacklore } from '../stacklore.ts';
import { parseServeOptions, type ServeInput } from './options.ts';
import { createServer } from './server.ts';

/** A server that listens. */
export interface RunningServer {
  /** Where it is reached. */
  readonly url: string;
  /** Takes no new requests, ends streams, and waits for what is under way. */
  close(): Promise<void>;
}

/**
 * Starts the HTTP API. Throws `invalid_input` for wrong options, and for an address that others reach while there is no
 * API key.
 */
export async function serve(lore: Stacklore, input: ServeInput = {}): Promise<RunningServer> {
  const options = parseServeOptions(input);
  const isOwn = isLoopback(options.host);
  if (!isOwn && !(await lore.apiKeys.exist())) {
    throw new StackloreError('invalid_input', {
      message: `Others reach ${options.host}, and there is no API key yet. Make one with stacklore api-keys create, or listen on 127.0.0.1.`,
    });
  }
  const server = await createServer({
    lore,
    options: { ...options, requireKey: options.requireKey || !isOwn },
  });
  const { host, port } = options;
  const url = await server.listen({ host, port }).catch(async (cause: NodeJS.ErrnoException) => {
    await server.close();
    if (cause.code !== 'EADDRINUSE' && cause.code !== 'EACCES' && cause.code !== 'EADDRNOTAVAIL') throw cause;
    throw new StackloreError('invalid_input', {
      message: `The server cannot listen on ${host}:${port} (${cause.code}). Choose another address with --host and --port.`,
      cause,
    });
  });
  return { url, close: () => server.close() };
}
