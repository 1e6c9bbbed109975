import { describe, expect, it } from 'vitest';
import { ANALYSER_LANGUAGES, ANALYSER_VERSION, loadAnalyser } from '../../src/text/analyser.ts';

const load = (language: string) => loadAnalyser({ version: ANALYSER_VERSION, language });

describe('an analyser', () => {
  it.each([
    [
      'english',
      'The sessions were expiring; they expire, and a session expired',
      'session expir expir session expir',
    ],
    ['english', "Darwin's theory doesn't say who won", 'darwin theori say won'],
    ['english', 'the of and', ''],
    ['english', 'naïve café', 'naiv cafe'],
    ['german', 'Die Häuser und das Haus', 'haus haus'],
    ['french', "L'eau des rivières", 'eau rivi rivier'],
    ['russian', 'новый новая', 'нов нов'],
    ['none', 'The Sessions', 'the sessions'],
  ])('of %s makes of %j the terms %j', async (language, text, terms) => {
    expect((await load(language)).analyse(text)).toBe(terms);
  });

  it.each([
    ['english', 'résumé', 'resume'],
    ['english', 'Beyoncé', 'beyonce'],
    ['spanish', 'información', 'informacion'],
    ['portuguese', 'informação', 'informacao'],
    ['french', 'protégé', 'protege'],
  ])('of %s finds %j by %j and the reverse', async (language, accented, plain) => {
    const { analyse } = await load(language);
    const [terms, others] = [analyse(accented).split(' '), analyse(plain).split(' ')];
    expect(terms.filter((term) => others.includes(term))).not.toEqual([]);
  });

  it.each(ANALYSER_LANGUAGES)('of %s gives the same terms for what it has made before', async (language) => {
    const analyser = await load(language);
    const text = 'one 2 three été über ψυχή 東京';
    expect(analyser.analyse(text)).toBe(analyser.analyse(text));
    expect(analyser.analyse('snakeCase')).toBe(analyser.analyse('snake_case'));
  });

  it('cuts what is no word of any language to a bounded length', async () => {
    expect((await load('english')).analyse('x'.repeat(10_000)).length).toBe(64);
  });

  it.each([
    [{ version: ANALYSER_VERSION + 1, language: 'english' }],
    [{ version: ANALYSER_VERSION, language: 'klingon' }],
  ])('of settings that this version does not have is refused: %j', async (settings) => {
    await expect(loadAnalyser(settings)).rejects.toMatchObject({ code: 'manifest_mismatch' });
  });
});
