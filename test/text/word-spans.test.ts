import { describe, expect, it } from 'vitest';
import { wordSpans } from '../../src/text/word-spans.ts';
import { words } from '../../src/text/words.ts';

const TEXTS = [
  'Sessions expire. Don’t wait for efRuntime, snake_case_name, __init__ or an HTTPServer 3.5!',
  'Die Grüße an Cafe\u0301 und na\u00EFve Leser',
  'Ｆｕｌｌ ﬁne ㎏ … ½ ①',
  '東京タワーは高い。API東京2024 日 한국어 \u1112\u1161\u11AB\u1100\u116E\u11A8',
  'हिन्दी और ภาษาไทย',
  '😀 @*{}|"\\ a',
  '',
];

describe('wordSpans', () => {
  it.each(TEXTS)('gives the words that words gives, in the same order, for %j', (text) => {
    expect(Array.from(wordSpans(text), ({ word }) => word)).toEqual(words(text));
  });

  it.each<[string, string[]]>([
    ['An efRuntime', ['An', 'ef', 'Runtime', 'efRuntime']],
    ['a_b  c', ['a', 'b', 'a_b', 'c']],
    ['the Cafe\u0301, ok', ['the', 'Cafe\u0301', 'ok']],
    ['x ﬁne ㎏ y', ['x', 'ﬁne', '㎏', 'y']],
    ['… 東京タ', ['東京', '京タ']],
  ])('gives places in the text as it was given: %j', (text, expected) => {
    expect(Array.from(wordSpans(text), ({ start, end }) => text.slice(start, end))).toEqual(expected);
  });
});
