import { StackloreError } from '../../../src/errors.ts';
import { openStacklore, type Stacklore } from '../../../src/stacklore.ts';
import { FakeEmbedder } from '../../support/fake-embedder.ts';

/** Gives a collection one of two models after the other, finished or rolled back in turn, until it is killed. */
const [url = '', collection = '', home = ''] = process.argv.slice(2);
const onText = () => new Promise<void>((resolve) => setTimeout(resolve, 2));

function open(dimensions: number): Stacklore {
  const embedder = new FakeEmbedder({ dimensions, model: { name: `fake/${dimensions}` }, onText });
  return openStacklore({ redisUrl: url, home, recording: false }, { env: {}, embedder });
}

const sides = [open(64), open(96)] as const;
process.stdout.write('started\n');
for (let turn = 0; ; turn += 1) {
  const intent = await sides[0].databases.knowledge.send<string | null>([
    ...['HGET', `stacklore:reindex:${collection}`, 'intent'],
  ]);
  if (intent === null || intent === 'build') {
    for (const side of sides) await side.reindex(collection, { reembed: true }).catch(ignoreRefusal);
  }
  const isFinish = intent === 'finish' || (intent !== 'roll-back' && turn % 2 === 0);
  for (const side of sides) {
    await side.reindex(collection, isFinish ? { finish: true } : { rollback: true }).catch(ignoreRefusal);
  }
}

/** One of the two has nothing to do, or not the model that it takes. */
function ignoreRefusal(error: unknown): void {
  const codes = ['invalid_input', 'already_exists', 'manifest_mismatch', 'not_found', 'busy'];
  if (!(error instanceof StackloreError) || !codes.includes(error.code)) throw error;
}
