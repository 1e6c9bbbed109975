import { describe, expect, it } from 'vitest';
import { foldAccents, words } from '../../src/text/words.ts';

describe('words', () => {
  it.each<[string, string[]]>([
    ['Sessions expire.', ['sessions', 'expire']],
    ['efRuntime', ['ef', 'runtime', 'efruntime']],
    ['snake_case_name', ['snake', 'case', 'name', 'snakecasename']],
    ['HTTPServer', ['http', 'server', 'httpserver']],
    ['don’t', ["don't"]],
    ['node.js C++ 3.5', ['node', 'js', 'c', '3', '5']],
    ['東京タワー', ['東京', '京タ', 'タワ', 'ワー']],
    ['日', ['日']],
    ['Ｆｕｌｌ ﬁne', ['full', 'fine']],
    ['__init__', ['init']],
    ['हिन्दी', ['हिन्दी']],
    ['😀 @*{}|"\\', []],
    ['', []],
  ])('of %j', (text, expected) => {
    expect(words(text)).toEqual(expected);
  });

  it('hold nothing that a query could be broken with', () => {
    const every = Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code)).join('');
    const hostile = `${every} a'b "c" d|e (f) @g:{h} -i ~j %k% *l $m w'n'`;
    for (const word of words(hostile)) expect(word).toMatch(/^[\p{L}\p{N}\p{M}']+$/u);
  });
});

describe('foldAccents', () => {
  it.each([
    ['café', 'cafe'],
    ['straße', 'strasse'],
    ['ёлка', 'елка'],
    ['йод', 'йод'],
    ['ψυχή', 'ψυχη'],
    ['हिन्दी', 'हिन्दी'],
  ])('makes %s %s', (word, folded) => {
    expect(foldAccents(word)).toBe(folded);
  });
});
