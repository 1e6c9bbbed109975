import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStacklore } from '../src/stacklore.ts';
import { surviveFaults } from './support/fail-over.ts';
import { FakeEmbedder } from './support/fake-embedder.ts';
import { seededRandom } from './support/kill-ingest.ts';
import { type PrivateSentinels, startPrivateSentinels } from './support/sentinels.ts';

let group: PrivateSentinels;

beforeAll(async () => {
  group = await startPrivateSentinels({ replicas: 3 });
}, 60_000);
afterAll(() => group?.stop());

describe('masters and sentinels that fail under load', () => {
  it('lose nothing that was acknowledged, and answer rightly or not at all', async () => {
    await group.inSync();
    const lore = openStacklore(group.config(), { env: {}, embedder: new FakeEmbedder() });
    const report = await surviveFaults({
      lore,
      group,
      faults: ['kill master', 'kill sentinel', 'freeze master'],
      random: seededRandom(7),
    });
    console.log(report);
    expect(report.documents).toBeGreaterThan(0);
    await lore.close();
  }, 120_000);
});
