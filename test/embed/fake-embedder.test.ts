import { embedderContract } from '../contracts/embedder.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';

embedderContract('the fake embedder', async () => new FakeEmbedder());
