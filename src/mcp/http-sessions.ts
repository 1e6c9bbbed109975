import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

/** How many sessions there may be, and how long one is kept that nobody uses. */
export interface SessionLimits {
  readonly maxSessions?: number;
  readonly idleMs?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A request as its route hands it on. */
export interface SessionRequest {
  /** Makes the server of a new session. */
  readonly createServer: () => McpServer;
  /** Whose session it is, such as the id of an API key: for all others there is no such session. */
  readonly owner?: string;
  /** The body, where it was read and parsed already. */
  readonly body?: unknown;
}

interface Session {
  readonly owner: string;
  readonly server: McpServer;
  readonly transport: StreamableHTTPServerTransport;
  /** Requests and streams that are open. */
  open: number;
  usedAt: number;
}

const MINUTE = 60_000;

/**
 * The sessions of the streamable HTTP transport, each with an MCP server of its own. It knows no routes and no frameworks:
 * hand it the requests of one path, checked already.
 */
export class McpSessions {
  readonly #sessions = new Map<string, Session>();
  readonly #limits: Required<SessionLimits>;
  readonly #clock: NodeJS.Timeout;
  readonly #answering = new Set<Promise<void>>();
  #isClosed = false;

  constructor({ maxSessions = 1_000, idleMs = 30 * MINUTE, now = Date.now }: SessionLimits = {}) {
    this.#limits = { maxSessions, idleMs, now };
    this.#clock = setInterval(() => void this.endIdle(), MINUTE).unref();
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Answers one request, whatever it is; resolves when the answer is sent or its stream has ended. */
  async handle(request: IncomingMessage, response: ServerResponse, options: SessionRequest): Promise<void> {
    if (this.#isClosed) return answerError(response, 503, 'The server is shutting down.');
    const { owner = '', body } = options;
    const id = request.headers['mcp-session-id'];
    const found = typeof id === 'string' ? this.#sessions.get(id) : undefined;
    if (id !== undefined && found?.owner !== owner) {
      // The protocol lets a client begin anew then.
      return answerError(response, 404, 'There is no such session. Initialize another.', -32_001);
    }
    if (!found && request.method !== 'POST') {
      return answerError(response, 400, 'Give the Mcp-Session-Id that initialize answered with.');
    }
    const session = found ?? (await this.#open(options, owner));
    session.open += 1;
    session.usedAt = this.#limits.now();
    response.once('close', () => {
      session.open -= 1;
      session.usedAt = this.#limits.now();
    });
    const answering = this.#answer(session, { request, response, body });
    if (request.method === 'POST') this.#answering.add(answering);
    await answering.finally(() => this.#answering.delete(answering));
    // Refused by the transport, as it did not initialize.
    if (session.transport.sessionId === undefined) await session.server.close();
  }

  /** Ends the sessions that nobody has used for some time. */
  async endIdle(): Promise<void> {
    const before = this.#limits.now() - this.#limits.idleMs;
    const idle = [...this.#sessions.values()].filter(({ open, usedAt }) => open === 0 && usedAt < before);
    await Promise.allSettled(idle.map(({ server }) => server.close()));
  }

  /** Takes no more requests, lets those under way be answered for so long, and ends all sessions. */
  async close({ graceMs = 10_000 }: { graceMs?: number } = {}): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#clock);
    let clock: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      clock = setTimeout(resolve, graceMs);
    });
    await Promise.race([Promise.allSettled([...this.#answering]), late]);
    clearTimeout(clock);
    await Promise.allSettled([...this.#sessions.values()].map(({ server }) => server.close()));
  }

  async #answer(
    { transport }: Session,
    { request, response, body }: { request: IncomingMessage; response: ServerResponse; body: unknown },
  ): Promise<void> {
    const sent = new Promise<void>((resolve) => response.once('close', resolve));
    await transport.handleRequest(request, response, body);
    await sent;
  }

  async #open({ createServer }: SessionRequest, owner: string): Promise<Session> {
    const server = createServer();
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => {
        this.#makeRoom();
        this.#sessions.set(id, session);
      },
    });
    const session: Session = { owner, server, transport, open: 0, usedAt: this.#limits.now() };
    server.server.onclose = () => {
      if (transport.sessionId !== undefined) this.#sessions.delete(transport.sessionId);
    };
    // The SDK's own class lacks the exactness its interface has under `exactOptionalPropertyTypes`.
    await server.connect(transport as Transport);
    return session;
  }

  /**
   * Clients that crash leave their sessions behind: of the owner who has most, so that nobody ends those of others, the
   * one unused for longest makes way, an open one last of all.
   */
  #makeRoom(): void {
    if (this.#sessions.size < this.#limits.maxSessions) return;
    const counts = new Map<string, number>();
    for (const { owner } of this.#sessions.values()) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const byUse = (a: Session, b: Session) => Number(a.open > 0) - Number(b.open > 0) || a.usedAt - b.usedAt;
    const [oldest] = [...this.#sessions.values()]
      .filter(({ owner }) => counts.get(owner) === most)
      .sort(byUse);
    void Promise.allSettled([oldest?.server.close()]);
  }
}

/** An error as the transport itself answers it: in the form of the protocol, but to no request of it. */
export function answerError(response: ServerResponse, status: number, message: string, code = -32_000): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }));
}
