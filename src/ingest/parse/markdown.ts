import type { Draft } from './draft.ts';
import { cutFrontMatter } from './front-matter.ts';
import { plainInline } from './markdown-line.ts';
import { scanMarkdown } from './scan-markdown.ts';

/** A Markdown document. Its text stays Markdown, which people and models read well; only front matter is cut off. */
export async function parseMarkdown(text: string, checkText?: (text: string) => void): Promise<Draft> {
  const { values, body } = await cutFrontMatter(text);
  checkText?.(body);
  const { title, ...metadata } = values;
  const { blocks, firstHeading } = scanMarkdown(body);
  return { text: body, blocks, metadata, title: titleText(title) ?? firstHeading ?? htmlHeading(body) };
}

function titleText(title: unknown): string | undefined {
  return typeof title === 'string' || typeof title === 'number' ? String(title) : undefined;
}

/** Many a read-me has its first heading as HTML, to centre it. */
function htmlHeading(body: string): string | undefined {
  const inner = /<h1[^<>]{0,200}>([\s\S]{1,300}?)<\/h1>/i.exec(body.slice(0, 5_000))?.[1];
  return inner === undefined ? undefined : plainInline(inner.replace(/<[^<>]{0,300}>/g, ' '));
}
