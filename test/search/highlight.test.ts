import { describe, expect, it } from 'vitest';
import { matchWords, nearestSentence } from '../../src/search/highlight.ts';
import { ANALYSER_VERSION, type AnalyserLanguage, loadAnalyser } from '../../src/text/analyser.ts';

async function marked(text: string, query: string, language: AnalyserLanguage = 'english') {
  const analyser = await loadAnalyser({ version: ANALYSER_VERSION, language });
  const terms = new Set(analyser.analyse(query).split(' '));
  terms.delete('');
  return matchWords(text, terms, analyser).map(({ start, end }) => text.slice(start, end));
}

describe('matchWords', () => {
  it.each<[string, string, string[]]>([
    ['A session expires. Expired ones are gone.', 'expiring sessions', ['session', 'expires', 'Expired']],
    ['Set efRuntime here.', 'runtime', ['Runtime']],
    ['Set efRuntime here.', 'ef_runtime', ['efRuntime']],
    ['Their résumé, in a Cafe\u0301.', 'resume café', ['résumé', 'Cafe\u0301']],
    ['The end of the day.', 'the of', []],
    ['東京タワーは高い', '東京タワー', ['東京タワー']],
    ["The session's end", 'session', ["session's"]],
    ['Nothing here.', 'elsewhere', []],
    ['Anything.', '', []],
  ])('marks in %j for %j', async (text, query, expected) => {
    expect(await marked(text, query)).toEqual(expected);
  });

  it('uses the stems of the language', async () => {
    expect(await marked('Die Bücher liegen hier.', 'Buch', 'german')).toEqual(['Bücher']);
    expect(await marked('Die Bücher liegen hier.', 'Buch', 'none')).toEqual([]);
  });

  it('tells which terms a word stands for, in places that do not overlap', async () => {
    const analyser = await loadAnalyser({ version: ANALYSER_VERSION, language: 'none' });
    const terms = new Set(['ef', 'runtime', 'efruntime']);
    expect(matchWords('an efRuntime', terms, analyser)).toEqual([
      { start: 3, end: 12, terms: ['ef', 'runtime', 'efruntime'] },
    ]);
  });
});

describe('nearestSentence', () => {
  const text = 'First one. Second one! Third?';
  const vectors = new Map([
    ['First one.', Float32Array.of(1, 0)],
    ['Second one!', Float32Array.of(0.6, 0.8)],
  ]);

  it('is that of the largest cosine, among those that have a vector', () => {
    expect(nearestSentence(text, Float32Array.of(0, 3), vectors)).toEqual({ start: 11, end: 22 });
    expect(nearestSentence(text, Float32Array.of(2, 0), vectors)).toEqual({ start: 0, end: 10 });
  });

  it('is none where no sentence has a vector', () => {
    expect(nearestSentence('Third?', Float32Array.of(1, 0), vectors)).toBeUndefined();
    expect(nearestSentence('', Float32Array.of(1, 0), vectors)).toBeUndefined();
  });
});
