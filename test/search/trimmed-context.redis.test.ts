import { beforeAll, describe, expect, it } from 'vitest';
import type { ContextInput } from '../../src/search/request.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

const HARBOUR = [
  'The reading room has a view. Coffee is sold downstairs.',
  'Readers renewed their loans at the desk. It took a while. Nobody minded.',
  'The lift was repaired. The roof was not.',
].join(' ');
const CODE = 'const a = 1; // One. Two.\n\n/** Renews a loan. */\nrenew(loan);\n\nconst b = 2;\n';
const GERMAN = 'Der Saal ist hell. Bücher werden verlängert. Das geht schnell.';

beforeAll(async () => {
  lore = openTestLore(redis);
  const collection = 'harbour';
  await lore.ingestTexts([{ text: HARBOUR, source: 'harbour.md', title: 'Harbour' }], { collection });
  await lore.ingestTexts([{ text: CODE, source: 'renew.ts', title: 'renew.ts', contentType: 'code' }], {
    collection: 'code',
  });
  await lore.ingestTexts([{ text: GERMAN, source: 'saal.md', title: 'Saal' }], {
    collection: 'saal',
    settings: { language: 'german' },
  });
});

const ask = (request: ContextInput = {}) =>
  lore.context({ query: 'how do I renew a loan?', collection: 'harbour', ...request });
const passages = async (request: ContextInput) => (await ask(request)).citations.map(({ text }) => text);

describe('a context', () => {
  it('leaves weak sentences at the ends of passages out, by the stems of the question', async () => {
    const { citations, omitted, text } = await ask();
    const [citation] = citations;
    expect(citation?.text).toBe('Readers renewed their loans at the desk. It took a while. Nobody minded.');
    expect(text).toContain(citation?.text);
    expect(text).not.toMatch(/Coffee|lift/);
    expect(omitted).toEqual([
      { collection: 'harbour', chunkId: citation?.chunkIds[0] as string, reason: 'cut' },
    ]);
  });

  it('gives passages whole when asked', async () => {
    const { citations, omitted } = await ask({ trim: false });
    expect(citations.map(({ text }) => text)).toEqual([HARBOUR]);
    expect(omitted).toEqual([]);
  });

  it('cites what it shows to the character, so that it can be verified', async () => {
    const [citation] = (await ask()).citations;
    expect(HARBOUR.slice(citation?.start, citation?.end)).toBe(citation?.text);
    expect(await lore.verifyCitation(citation ?? { docId: '' })).toMatchObject({
      ...{ status: 'unchanged', documentChanged: false },
      ...{ start: citation?.start, end: citation?.end },
    });
  });

  it('takes the strongest sentences of what has no room whole', async () => {
    const { citations, tokens, omitted } = await ask({ maxTokens: 30 });
    expect(citations[0]?.text).toMatch(/^Readers renewed their loans at the desk\./);
    expect(tokens).toBeLessThanOrEqual(30);
    expect(omitted.map(({ reason }) => reason)).toEqual(['cut']);
    // Without weights it is the beginning that is given.
    const [beginning] = await passages({ maxTokens: 30, trim: false });
    expect(beginning).toMatch(/^The reading room/);
  });

  it('keeps whole what none of the words of the question stands in', async () => {
    expect(await passages({ query: 'unheard of' })).toEqual([HARBOUR]);
    const [vector] = await new FakeEmbedder().embedTexts(['loans']);
    const { query: _query, ...request } = { query: '', vector: vector as Float32Array };
    const { citations } = await lore.context({ ...request, collection: 'harbour' });
    expect(citations.map(({ text }) => text)).toEqual([HARBOUR]);
  });

  it('goes by the words of each of several questions', async () => {
    const { citations } = await lore.context({ queries: ['renew loan', 'lift'], collection: 'harbour' });
    expect(citations[0]?.text).toMatch(/^Readers renewed .* The roof was not\.$/);
  });

  it('never trims code', async () => {
    expect(await passages({ collection: 'code' })).toEqual([CODE.trim()]);
  });

  it('knows the language of a collection', async () => {
    expect(await passages({ query: 'ein Buch verlängern', collection: 'saal' })).toEqual([
      'Bücher werden verlängert. Das geht schnell.',
    ]);
    const { citations } = await lore.context({
      ...{ query: 'renew Buch', collections: ['saal', 'harbour'] },
    });
    expect(citations.map(({ text }) => text).sort()).toEqual([
      'Bücher werden verlängert. Das geht schnell.',
      expect.stringMatching(/^Readers/),
    ]);
  });
});
