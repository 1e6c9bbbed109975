import { StackloreError } from '../../../errors.ts';

/** Says that documents were published anew while an answer was being made of them: made again, it is right. */
export class Exchanged extends StackloreError {
  constructor(docId: string) {
    super('busy', {
      message: `Document "${docId}" was published anew while it was being read, again and again. Repeat in a moment.`,
    });
    this.name = 'Exchanged';
  }
}

const ATTEMPTS = 6;

/** Makes an answer again where documents were exchanged meanwhile. Throws `busy` when they are all the time. */
export async function againIfExchanged<T>(make: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof Exchanged) || attempt === ATTEMPTS) throw error;
    }
  }
}
