import { describe, expect, it } from 'vitest';
import { sentences, trimmed } from '../../src/text/sentences.ts';

const split = (text: string) => [...sentences(text)].map(({ start, end }) => text.slice(start, end));

describe('sentences', () => {
  it('ends a sentence at a full stop, a question mark and an exclamation mark', () => {
    expect(split('It rains. Does it? Yes! Good.')).toEqual(['It rains.', 'Does it?', 'Yes!', 'Good.']);
  });

  it('keeps closing quotes and brackets with the sentence they end', () => {
    expect(split('He said "no." Then he left. (It was late.) We stayed.')).toEqual([
      'He said "no."',
      'Then he left.',
      '(It was late.)',
      'We stayed.',
    ]);
  });

  it.each([
    'Dr. Meyer met Mr. Ng on St. John Street.',
    'See e.g. Redis or i.e. Something else.',
    'The U.S. Government paid J. R. Smith.',
    'It costs 3.50 and version 1.2.3 runs.',
    'As shown in Fig. 3 and on pp. 12 to 14.',
    'Das gilt z.B. Montags, vgl. Abschnitt 4.',
    'He waited... and nothing came.',
    'Yahoo! is a name.',
    'Open example.com/a.b?c=d now.',
    '1. Install the package.',
  ])('leaves %j whole', (text) => {
    expect(split(text)).toEqual([text]);
  });

  it('ends a sentence after a number and after a word that is only sometimes an abbreviation', () => {
    expect(split('It was 2020. Then came 2021. He said no. We left in art. Nothing.')).toEqual([
      'It was 2020.',
      'Then came 2021.',
      'He said no.',
      'We left in art.',
      'Nothing.',
    ]);
  });

  it('needs no space after the full stops of Chinese and Japanese, and knows those of other scripts', () => {
    expect(split('今日は晴れです。明日は雨でしょうか？はい！終わり')).toEqual([
      '今日は晴れです。',
      '明日は雨でしょうか？',
      'はい！',
      '終わり',
    ]);
    expect(split('यह एक है। यह दो है। هل هذا؟ نعم۔')).toHaveLength(4);
  });

  it('ends a sentence at an empty line and before a list item, but not where a line merely breaks', () => {
    expect(split('A title\n\nA line\nthat goes on\n- one\n- two\n2) three')).toEqual([
      'A title',
      'A line\nthat goes on',
      '- one',
      '- two',
      '2) three',
    ]);
  });

  it('gives offsets into the whole text when only a part is split', () => {
    const text = 'Before. One. Two. After.';
    expect([...sentences(text, 8, 17)]).toEqual([
      { start: 8, end: 12 },
      { start: 13, end: 17 },
    ]);
  });

  it('gives nothing for an empty text and for white space', () => {
    expect(split('')).toEqual([]);
    expect(split(' \n\n\t ')).toEqual([]);
  });

  it('takes a hundred thousand full stops, line ends, spaces or brackets in a row', () => {
    for (const text of ['.', '. ', '\n', '\n ', ' ', '")', '.)', '。', '- ', '\n- ', 'a.'].map((s) =>
      s.repeat(100_000),
    )) {
      let covered = 0;
      for (const { start, end } of sentences(text))
        covered += text.slice(start, end).replace(/\s/g, '').length;
      expect(covered).toBe(text.replace(/\s/g, '').length);
    }
  });
});

describe('trimmed', () => {
  it('leaves out white space at both ends, and gives nothing when there is nothing else', () => {
    expect(trimmed('  ab c \n', 0, 8)).toEqual({ start: 2, end: 6 });
    expect(trimmed('a   b', 1, 4)).toBeUndefined();
  });
});
