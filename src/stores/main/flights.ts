interface Flight<Answer> {
  readonly endpointHash: string;
  landed: Promise<Answer> | undefined;
}

/** Answers being fetched by this process, by key: who asks for one meanwhile waits for it instead of fetching another. */
export class Flights<Answer> {
  readonly #flights = new Map<string, Flight<Answer>>();

  /** The answer that is being fetched for a key; `undefined` where none is. */
  find(key: string): Promise<Answer> | undefined {
    return this.#flights.get(key)?.landed;
  }

  /** Fetches an answer, in place of one that is being fetched. */
  async take(key: string, endpointHash: string, fetch: () => Promise<Answer>): Promise<Answer> {
    const landed = fetch();
    const flight: Flight<Answer> = { endpointHash, landed };
    this.#flights.set(key, flight);
    try {
      return await landed;
    } finally {
      // What a map once held can outlive it in the collector; the answer must not.
      flight.landed = undefined;
      // After an invalidation another flight may be under way.
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    }
  }

  /** Lets nobody else wait for what is being fetched for a key, as it is out of date. */
  leave(key: string): void {
    this.#flights.delete(key);
  }

  /** The same for all keys of an endpoint, or for all there are. */
  leaveAll(endpointHash?: string): void {
    for (const [key, flight] of this.#flights) {
      if ((endpointHash ?? flight.endpointHash) === flight.endpointHash) this.#flights.delete(key);
    }
  }
}
