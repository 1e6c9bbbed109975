import type { Block } from './document.ts';
import { findElement, findElements, type HtmlNode, lineText, rawText } from './html-tree.ts';
import { TextBuilder } from './text-builder.ts';

/** How much of a page is wanted: all of it, or what is left without navigation, forms and the like. */
export type Wanted = 'everything' | 'content';

const NEVER = new Set(
  'script style noscript template head title svg iframe object embed canvas video audio datalist dialog map'.split(
    ' ',
  ),
);
const FURNITURE = new Set('nav form button select option textarea input'.split(' '));
const PAGE_FURNITURE = new Set(['header', 'footer', 'aside']);
const BLOCKS = new Set(
  'address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form header hr html legend main menu nav p section summary'.split(
    ' ',
  ),
);
const HEADING = /^h([1-6])$/;
const PERMALINK = /^[#¶§🔗\s]*$/u;

/** Turns a page's tree into blocks of Markdown-like text: headings, paragraphs, items, code, quotes and table rows. */
export function buildBlocks(root: HtmlNode, wanted: Wanted): TextBuilder {
  const builder = new TextBuilder();
  new Walker(builder, wanted).walk(root, {
    isArticle: root.name === 'main' || root.name === 'article',
    depth: 0,
  });
  return builder;
}

/** What an element inherits from those around it. */
interface Place {
  /** Inside the part that holds the page's own text, where a header is a title and not a banner. */
  readonly isArticle: boolean;
  /** Lists around. */
  readonly depth: number;
}

class Walker {
  readonly #builder: TextBuilder;
  readonly #wanted: Wanted;
  #inline = '';
  #kind: Block['kind'] = 'paragraph';
  /** Put before the next paragraph: a list item's marker, then its indentation. */
  #marker = '';

  constructor(builder: TextBuilder, wanted: Wanted) {
    this.#builder = builder;
    this.#wanted = wanted;
  }

  walk(root: HtmlNode, place: Place): void {
    this.#walkChildren(root, place);
    this.#flush();
  }

  #walkChildren(node: HtmlNode, place: Place): void {
    for (const child of node.children ?? []) {
      if (child.type === 'text')
        this.#inline += (child.data ?? '').replace(/[\u00ad\u200b]/g, '').replace(/\s+/g, ' ');
      else if (child.name !== undefined && !this.#isLeftOut(child, place))
        this.#walkElement(child, child.name, place);
    }
  }

  #walkElement(element: HtmlNode, name: string, place: Place): void {
    const level = HEADING.exec(name)?.[1];
    if (level !== undefined) this.#addHeading(element, Number(level));
    else if (name === 'pre') this.#addCode(element);
    else if (name === 'ul' || name === 'ol') this.#addList(element, place);
    else if (name === 'table') this.#addTable(element, place);
    else if (name === 'blockquote') this.#addQuote(element, place);
    else if (name === 'br') this.#inline += '\n';
    else if (name === 'code' || name === 'kbd' || name === 'samp') this.#inline += inlineCode(element);
    else if (BLOCKS.has(name)) {
      this.#flush();
      this.#walkChildren(element, {
        ...place,
        isArticle: place.isArticle || name === 'main' || name === 'article',
      });
      this.#flush();
    } else this.#walkChildren(element, place);
  }

  /** Ends the current paragraph. */
  #flush(): void {
    const text = this.#inline
      .replace(/ {2,}/g, ' ')
      .replace(/ ?\n ?/g, '\n')
      .replace(/\n{2,}/g, '\n')
      .trim();
    this.#inline = '';
    if (text === '') return;
    this.#builder.add(this.#kind, this.#marker + text);
    this.#marker = ' '.repeat(this.#marker.length);
  }

  #addHeading(element: HtmlNode, level: number): void {
    this.#flush();
    const title = headingText(element);
    if (title !== '') this.#builder.addHeading(level, title, { text: `${'#'.repeat(level)} ${title}` });
  }

  #addCode(element: HtmlNode): void {
    this.#flush();
    const code = rawText(element).replace(/^\n/, '').trimEnd();
    if (code.trim() === '') return;
    const fence = code.includes('```') ? '~~~~' : '```';
    this.#builder.add('code', `${fence}${languageOf(element)}\n${code}\n${fence}`);
  }

  #addList(element: HtmlNode, place: Place): void {
    this.#flush();
    const outer = { kind: this.#kind, marker: this.#marker };
    let number = Number.parseInt(element.attribs?.start ?? '1', 10) || 1;
    for (const child of element.children ?? []) {
      if (child.name === undefined || this.#isLeftOut(child, place)) continue;
      this.#kind = 'list-item';
      this.#marker = `${'  '.repeat(place.depth)}${element.name === 'ol' ? `${number}.` : '-'} `;
      if (child.name === 'li') number += 1;
      this.#walkChildren(child, { ...place, depth: place.depth + 1 });
      this.#flush();
    }
    this.#kind = outer.kind;
    this.#marker = ' '.repeat(outer.marker.length);
  }

  #addTable(element: HtmlNode, place: Place): void {
    this.#flush();
    if (isLayout(element)) {
      for (const cell of findElements(
        element,
        ({ name }) => name === 'td' || name === 'th' || name === 'caption',
      )) {
        this.#walkChildren(cell, place);
        this.#flush();
      }
      return;
    }
    const caption = findElement(element, ({ name }) => name === 'caption');
    if (caption) this.#builder.add('paragraph', lineText(caption));
    let isFirst = true;
    for (const row of findElements(element, ({ name }) => name === 'tr')) {
      const cells = findElements(row, ({ name }) => name === 'td' || name === 'th');
      const texts = cells.map((cell) => lineText(cell).replaceAll('|', '\\|'));
      if (texts.every((text) => text === '')) continue;
      const isHeader = isFirst && cells.every(({ name }) => name === 'th');
      const delimiter = isHeader ? `\n|${' --- |'.repeat(cells.length)}` : '';
      this.#builder.add('table-row', `| ${texts.join(' | ')} |${delimiter}`);
      isFirst = false;
    }
  }

  #addQuote(element: HtmlNode, place: Place): void {
    this.#flush();
    const inner = new TextBuilder();
    new Walker(inner, this.#wanted).walk(element, place);
    this.#builder.add('quote', inner.text.replace(/^/gm, '> ').replace(/ +$/gm, ''));
  }

  #isLeftOut(element: HtmlNode, place: Place): boolean {
    const { name = '', attribs = {} } = element;
    if (NEVER.has(name)) return true;
    if (name === 'a' && PERMALINK.test(rawText(element))) return true;
    if (this.#wanted === 'everything') return false;
    if (FURNITURE.has(name) || isHidden(attribs)) return true;
    if (/^(?:navigation|banner|contentinfo|search|complementary)$/.test(attribs.role ?? '')) return true;
    if (!PAGE_FURNITURE.has(name)) return false;
    // In an article a header holds its title and an aside may be a note; elsewhere they surround the content.
    if (!place.isArticle || name === 'footer') return true;
    return name === 'aside' && /toc|sidebar|related|share|nav/i.test(`${attribs.class} ${attribs.id}`);
  }
}

function isHidden(attribs: Readonly<Record<string, string>>): boolean {
  if ('hidden' in attribs || attribs['aria-hidden'] === 'true') return true;
  return /display\s*:\s*none/i.test(attribs.style ?? '');
}

/** A table that only arranges a page: tables, headings or code within its cells, or a single column without head. */
function isLayout(table: HtmlNode): boolean {
  if (findElement(table, ({ name = '' }) => name === 'table' || name === 'pre' || HEADING.test(name)))
    return true;
  if (findElement(table, ({ name }) => name === 'th')) return false;
  const rows = findElements(table, ({ name }) => name === 'tr');
  return rows.every((row) => findElements(row, ({ name }) => name === 'td').length < 2);
}

function headingText(element: HtmlNode): string {
  const children = (element.children ?? []).filter(
    (child) => child.name !== 'a' || !PERMALINK.test(rawText(child)),
  );
  return lineText({ ...element, children });
}

function inlineCode(element: HtmlNode): string {
  const code = lineText(element);
  return code === '' ? '' : `\`${code}\``;
}

function languageOf(element: HtmlNode): string {
  const code = findElement(element, ({ name }) => name === 'code');
  const classes = `${element.attribs?.class ?? ''} ${code?.attribs?.class ?? ''}`;
  return /(?:language|lang|highlight-source)-([\w+#-]+)/.exec(classes)?.[1] ?? '';
}
