import { describe, expect, it } from 'vitest';
import { addHit, type Passage, passageOf } from '../../src/search/passages.ts';
import type { SearchHit } from '../../src/search/search.ts';
import { strongestPart, trimPassage, type WeighSentence } from '../../src/search/trim.ts';

/** A hit on `document.slice(start, end)`. */
function hitOn(document: string, start = 0, end = document.length): SearchHit {
  return {
    ...{ chunkId: `d_chunk_${start}`, docId: 'd', nodeId: `n${start}`, collection: 'docs' },
    ...{ text: document.slice(start, end), score: 0.5, vectorScore: 0.5, distance: 0.5 },
    ...{ title: 'T', source: 'd.md', headings: [], start, end, metadata: {} },
  };
}

/** A sentence weighs as much as it has boats. */
const weigh: WeighSentence = (sentence) => sentence.match(/boat/gi)?.length ?? 0;

const trim = (text: string, use = weigh) => trimPassage(passageOf(hitOn(text)), use).text;

/** Offsets into the document that are those of the text. */
function expectExact(document: string, { text, range }: Passage) {
  expect(document.slice(range?.start, range?.end)).toBe(text);
}

describe('trimPassage', () => {
  it('leaves out what precedes the first telling sentence, and all but two of those after the last', () => {
    const text = 'Lamps burn. Dogs bark. A boat sails. Fish swim. The boat lands. One. Two. Three. Four.';
    const trimmed = trimPassage(passageOf(hitOn(text)), weigh);
    expect(trimmed.text).toBe('A boat sails. Fish swim. The boat lands. One. Two.');
    expectExact(text, trimmed);
  });

  it('keeps white space and everything else between the sentences that stay', () => {
    expect(trim('No.\n\nThe boat\tsails.  It is\n  wet. Yes.\n\nNo more. Nor this. ')).toBe(
      'The boat\tsails.  It is\n  wet. Yes.',
    );
  });

  it('leaves a passage alone in which nothing is telling, or all of it', () => {
    for (const text of ['Lamps burn. Dogs bark. Cats sleep. Fish swim. ', ' A boat. A boat! ']) {
      const passage = passageOf(hitOn(text));
      expect(trimPassage(passage, weigh)).toBe(passage);
    }
  });

  it('leaves a passage alone whose offsets are not known to measure its text', () => {
    const text = 'Dogs bark. A boat sails.';
    expect(trimPassage(passageOf({ ...hitOn(text), end: 99 }), weigh).text).toBe(text);
    const { start: _start, end: _end, ...unplaced } = hitOn(text);
    expect(trimPassage(passageOf(unplaced), weigh).text).toBe(text);
  });

  it('leaves texts without sentences alone', () => {
    expect(trim('dogs(). boats(). ', () => undefined)).toBe('dogs(). boats(). ');
  });

  it('keeps something of each of its hits', () => {
    const text = 'Dogs bark. Cats sleep. A boat sails. Lamps burn. Fish swim. Cows moo. Bees hum.';
    const [first, second] = [hitOn(text, 0, 22), hitOn(text, 22, 36)];
    const [passage] = addHit(addHit([], first), second);
    const trimmed = trimPassage(passage as Passage, weigh);
    expect(trimmed.text).toBe(text.slice(0, 36));
    const third = hitOn(text, 36, text.length);
    const [longer] = addHit([passage as Passage], third);
    // The first sentence of the third hit stays, and the two that follow it.
    expect(trimPassage(longer as Passage, weigh).text).toBe(text.slice(0, text.indexOf(' Bees')));
  });

  it('never cuts a table, fenced code or indented lines, nor drops them', () => {
    const blocks = [
      '| a. B | c |\n| --- | --- |\n| Yes. No. | d |',
      '```js\ncall(). Then();\n\nmore();\n```',
      '~~~\na. B\n~~~',
      '    make all. Then\n    run it.',
    ];
    for (const block of blocks) {
      expect(trim(`Dogs bark.\n\n${block}\n\nThe boat sails.`)).toBe(
        `${block}\n\nThe boat sails.`.trimStart(),
      );
      const behind = `The boat sails. One. Two. Three.\n\n${block}`;
      expect(trim(behind)).toBe(behind);
    }
  });

  it('leaves a text alone that begins or ends within fenced code', () => {
    for (const text of ['more();\n```\n\nDogs bark. A boat.', 'Dogs bark. A boat.\n```sh\nls. Then\n']) {
      expect(trim(text)).toBe(text);
    }
  });

  it('keeps a heading with the sentence below it, and drops both together', () => {
    expect(trim('# Dogs\n\nThey bark.\n\n# Sea\n\nA boat sails.')).toBe('# Sea\n\nA boat sails.');
    expect(trim('# The boat\n\nIt sails.\n\nOne.\n\nTwo.\n\n# End\n\nThree.')).toBe(
      '# The boat\n\nIt sails.\n\nOne.\n\nTwo.',
    );
  });

  it('knows sentences that have no spaces between them', () => {
    const weighBoat: WeighSentence = (sentence) => (sentence.includes('船') ? 1 : 0);
    expect(trim('犬が吠える。船が出る。雨だ。', weighBoat)).toBe('船が出る。雨だ。');
  });
});

describe('strongestPart', () => {
  const text = 'Dogs bark. A boat sails. A boat and a boat. Fish swim. Cats sleep.';
  const upTo =
    (length: number) =>
    ({ text: part }: Passage) =>
      part.length <= length;

  it('gives as many whole sentences around the strongest as fit, the heavier side first', () => {
    const part = (length: number) => strongestPart(hitOn(text), weigh, upTo(length));
    expect(part(20)?.text).toBe('A boat and a boat.');
    expect(part(40)?.text).toBe('A boat sails. A boat and a boat.');
    expect(part(50)?.text).toBe('A boat sails. A boat and a boat. Fish swim.');
    for (const length of [20, 40, 50, 60]) expectExact(text, part(length) as Passage);
  });

  it('takes the next strongest where the strongest does not fit', () => {
    expect(strongestPart(hitOn(text), weigh, upTo(15))?.text).toBe('A boat sails.');
  });

  it('gives nothing where no telling sentence fits, none is telling, or the place is unknown', () => {
    expect(strongestPart(hitOn(text), weigh, upTo(10))).toBeUndefined();
    expect(strongestPart(hitOn(text), () => 0, upTo(99))).toBeUndefined();
    expect(strongestPart(hitOn(text), () => undefined, upTo(99))).toBeUndefined();
    expect(strongestPart({ ...hitOn(text), end: 9 }, weigh, upTo(99))).toBeUndefined();
  });

  it('ends at some length even where all fits', () => {
    const book = `A boat. ${'Fish swim. '.repeat(5_000)}`;
    const { text: part = '' } = strongestPart(hitOn(book), weigh, () => true) ?? {};
    expect(part.length).toBeLessThan(1_000);
    expect(book.startsWith(part)).toBe(true);
  });

  it('takes a table whole or not at all', () => {
    const table = '| boat | boat |\n| x | y |';
    const hit = hitOn(`A boat.\n\n${table}`);
    expect(strongestPart(hit, weigh, upTo(10))?.text).toBe('A boat.');
    expect(strongestPart(hit, weigh, upTo(table.length))?.text).toBe(table);
  });
});
