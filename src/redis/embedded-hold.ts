import type { EmbeddedRedis } from './embedded.ts';

/** Attaches to the embedded server for each connection that is made, and holds it by the last of these attachments alone. */
export class EmbeddedHold {
  readonly #attach: () => Promise<EmbeddedRedis>;
  #held: EmbeddedRedis | undefined;
  #begun = 0;
  #newest = 0;
  #isClosed = false;

  constructor(attach: () => Promise<EmbeddedRedis>) {
    this.#attach = attach;
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** The socket of the server, which is started where it does not run. Throws like `attachEmbeddedRedis`. */
  async socketPath(): Promise<string> {
    this.#begun += 1;
    const number = this.#begun;
    const attached = await this.#attach();
    // One that took longer may be to a server that has been replaced since.
    const isOvertaken = number < this.#newest;
    const needless = isOvertaken ? attached : this.#held;
    if (!isOvertaken) [this.#held, this.#newest] = [attached, number];
    await needless?.close();
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
