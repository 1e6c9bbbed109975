import type { EmbeddedRedis } from './embedded.ts';

/** Attaches to the embedded server for each connection that is made, and holds it by the last of these attachments alone. */
export class EmbeddedHold {
  readonly #attach: () => Promise<EmbeddedRedis>;
  #held: EmbeddedRedis | undefined;
  #isClosed = false;

  constructor(attach: () => Promise<EmbeddedRedis>) {
    this.#attach = attach;
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** The socket of the server, which is started where it does not run. Throws like `attachEmbeddedRedis`. */
  async socketPath(): Promise<string> {
    const attached = await this.#attach();
    const before = this.#held;
    this.#held = attached;
    await before?.close();
    // Whoever asked for it as everything was being closed gets its errors from there.
    if (this.#isClosed) await attached.close();
    return attached.socketPath;
  }

  /** Lets go of the server, which goes on running. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#held?.close();
  }
}
