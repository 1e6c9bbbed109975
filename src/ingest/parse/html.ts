import type { Draft } from './draft.ts';
import { buildBlocks } from './html-blocks.ts';
import { findElement, findElements, type HtmlNode, lineText, parseTree } from './html-tree.ts';
import type { TextBuilder } from './text-builder.ts';

/** Above this length a page is not searched for its article: it takes seconds and several times the page in memory. */
const MAX_ARTICLE_SEARCH = 500_000;
/** An article that holds less than this part of the page's text is taken for a wrong guess. */
const MIN_ARTICLE_SHARE = 0.4;

/** The content of a page without its navigation, as Markdown-like text. */
export async function parseHtml(html: string): Promise<Draft> {
  const root = await parseTree(html);
  const content = await findContent(root, html);
  const inHead = findElement(root, ({ name }) => name === 'title');
  return {
    text: content.text,
    blocks: content.blocks,
    title: firstHeading(content) ?? (inHead && lineText(inHead)),
    metadata: pageMetadata(root),
  };
}

/** All of a fragment's text, for formats that are converted to HTML first. */
export async function parseHtmlFragment(html: string): Promise<Draft> {
  const content = buildBlocks(await parseTree(html), 'everything');
  return { text: content.text, blocks: content.blocks, title: firstHeading(content) };
}

function firstHeading({ text, blocks }: TextBuilder): string | undefined {
  return blocks.find(({ kind, start }) => kind === 'heading' && text.startsWith('# ', start))?.headings[0];
}

/** The one main element; else the article that stands out; else the page without its furniture; else all of it. */
async function findContent(root: HtmlNode, html: string): Promise<TextBuilder> {
  const [main, ...others] = mainElements(root);
  if (main !== undefined && others.length === 0) {
    const content = buildBlocks(main, 'content');
    if (content.length > 0) return content;
  }
  const page = buildBlocks(root, 'content');
  const article = html.length > MAX_ARTICLE_SEARCH ? undefined : await findArticle(root, html);
  if (article !== undefined && article.length > page.length * MIN_ARTICLE_SHARE) return article;
  return page.length > 0 ? page : buildBlocks(root, 'everything');
}

function mainElements(root: HtmlNode): HtmlNode[] {
  const mains = findElements(root, ({ name, attribs }) => name === 'main' || attribs?.role === 'main');
  return mains.length > 0 ? mains : findElements(root, ({ name }) => name === 'article');
}

async function findArticle(root: HtmlNode, html: string): Promise<TextBuilder | undefined> {
  if (!findElement(root, ({ name }) => name === 'body')) return undefined;
  const [{ Readability }, { parseHTML }] = await Promise.all([
    import('@mozilla/readability'),
    import('linkedom'),
  ]);
  const { document } = parseHTML(html);
  const article = new Readability(document).parse();
  if (!article?.content) return undefined;
  return buildBlocks(withTitle(await parseTree(article.content), root), 'everything');
}

/** Readability lowers or drops a page's title within its article; here it stays the first heading. */
function withTitle(article: HtmlNode, page: HtmlNode): HtmlNode {
  const isTitle = ({ name }: HtmlNode): boolean => name === 'h1';
  const [title, ...others] = findElements(page, isTitle);
  if (title === undefined || others.length > 0 || findElement(article, isTitle)) return article;
  const text = lineText(title);
  const lowered = findElement(article, (element) => element.name === 'h2' && lineText(element) === text);
  if (lowered) lowered.name = 'h1';
  return lowered ? article : { ...article, children: [title, ...(article.children ?? [])] };
}

function pageMetadata(root: HtmlNode): Record<string, unknown> {
  const metadata: Record<string, unknown> = {};
  const language = findElement(root, ({ name }) => name === 'html')?.attribs?.lang;
  if (language) metadata.lang = language;
  for (const { attribs } of findElements(root, ({ name }) => name === 'meta')) {
    const name = attribs?.name?.toLowerCase();
    if ((name === 'description' || name === 'author') && attribs?.content) metadata[name] = attribs.content;
  }
  return metadata;
}
