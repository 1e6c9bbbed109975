import { expect, test } from 'vitest';
import { blocksOf, parseAll, parseOne } from '../../support/parse-text.ts';

const SENTENCE = 'This sentence of the article has some words, a comma or two, and an end. ';

test('the main element is read and navigation, banners, forms and scripts are not', async () => {
  const document = await parseOne(
    'page.html',
    `<!doctype html><html lang="en"><head><title>Page · Site</title><meta name="description" content="About it">
    <style>p { color: red }</style></head><body><header>Banner</header><nav><a href="/">Home</a></nav>
    <main><header><h1>Hello &amp; welcome <a href="#x">#</a></h1></header>
    <p>First <b>bold</b>&nbsp;text with <code>x = 1</code>.<br>Next line.</p><form><button>Buy</button></form>
    <script>alert(1)</script><p hidden>Hidden</p><p>Cafe&#x301;</p></main><footer>Imprint</footer></body></html>`,
  );
  expect(document.title).toBe('Hello & welcome');
  expect(document.contentType).toBe('html');
  expect(document.metadata).toEqual({ lang: 'en', description: 'About it' });
  expect(blocksOf(document)).toEqual([
    ['heading', '# Hello & welcome'],
    ['paragraph', 'First bold text with `x = 1`.\nNext line.'],
    ['paragraph', 'Caf\u00e9'],
  ]);
});

test('lists, code, tables and quotes keep their structure', async () => {
  const document = await parseOne(
    'page.html',
    `<html><body><article><h2>Things</h2><ul><li>one<ol start="3"><li>three</li></ol></li><li><p>two</p><p>more</p></li></ul>
    <pre><code class="language-js">if (a &lt; b) {\n  run();\n}\n</code></pre>
    <table><caption>Sizes</caption><thead><tr><th>Name</th><th>Size</th></tr></thead><tbody><tr><td>a|b</td><td>1</td></tr></tbody></table>
    <blockquote><p>Said</p><p>so</p></blockquote></article></body></html>`,
  );
  expect(blocksOf(document)).toEqual([
    ['heading', '## Things'],
    ['list-item', '- one'],
    ['list-item', '3. three'],
    ['list-item', '- two'],
    ['list-item', 'more'],
    ['code', '```js\nif (a < b) {\n  run();\n}\n```'],
    ['paragraph', 'Sizes'],
    ['table-row', '| Name | Size |\n| --- | --- |'],
    ['table-row', '| a\\|b | 1 |'],
    ['quote', '> Said\n>\n> so'],
  ]);
});

test('a page without a main element is searched for its article', async () => {
  const paragraphs = Array.from({ length: 6 }, (_, index) => `<p>${index} ${SENTENCE.repeat(4)}</p>`).join(
    '',
  );
  const { text, title } = await parseOne(
    'page.html',
    `<html><head><title>Site</title></head><body><div class="sidebar menu"><a href="/1">Menu entry</a></div>
    <div class="content"><h1>The article</h1>${paragraphs}</div><div class="comments">A comment</div></body></html>`,
  );
  expect(title).toBe('The article');
  expect(text.startsWith('# The article\n\n0 This sentence')).toBe(true);
  expect(text).not.toContain('Menu entry');
  expect(text).not.toContain('## The article');
});

test('a page that is all furniture is still read', async () => {
  const document = await parseOne(
    'page.html',
    '<html><body><form><p>Everything in a form.</p></form></body></html>',
  );
  expect(blocksOf(document)).toEqual([['paragraph', 'Everything in a form.']]);
});

test('a table that only arranges the page is read as paragraphs', async () => {
  const document = await parseOne(
    'page.html',
    '<html><body><main><table><tr><td><h1>Title</h1><p>Left</p></td><td>Right</td></tr></table></main></body></html>',
  );
  expect(blocksOf(document)).toEqual([
    ['heading', '# Title'],
    ['paragraph', 'Left'],
    ['paragraph', 'Right'],
  ]);
});

test('the encoding that a page or a server names is followed', async () => {
  const page = Buffer.from(
    '<html><head><meta charset="iso-8859-1"></head><body><p>caf\u00e9</p></body></html>',
    'latin1',
  );
  expect((await parseOne('page.html', page)).text).toBe('caf\u00e9');
  const fragment = Buffer.from('<p>caf\u00e9</p>', 'latin1');
  const served = { mediaType: 'text/html; charset=ISO-8859-1' };
  expect((await parseOne('page', fragment, served)).text).toBe('caf\u00e9');
});

test('nesting without end is a problem, not a crash', async () => {
  const [problem] = await parseAll('deep.html', `<html><body>${'<div>'.repeat(10_000)}x`);
  expect(problem).toMatchObject({ status: 'failed', code: 'parse_failed' });
});

test('unclosed and broken markup is read as far as it goes', async () => {
  const document = await parseOne(
    'page.html',
    '<html><p>One<p>Two <b>bold<div>Three</span></p> & done &bogus;',
  );
  expect(document.text).toContain('One');
  expect(document.text).toContain('Three');
});
