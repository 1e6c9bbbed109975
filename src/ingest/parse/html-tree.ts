import { StackloreError } from '../../errors.ts';

/** A node of a parsed page, as far as it is read here. */
export interface HtmlNode {
  readonly type: string;
  /** Tag of an element, in lower case. */
  name?: string;
  /** Characters of a text node. */
  readonly data?: string;
  readonly attribs?: Readonly<Record<string, string>>;
  readonly children?: readonly HtmlNode[];
}

const MAX_DEPTH = 500;

/** The tree of a page or a fragment. Throws `parse_failed` where it is nested so deeply that no one can have meant it. */
export async function parseTree(html: string): Promise<HtmlNode> {
  const { load } = await import('cheerio/slim');
  const [root] = load(html, { xml: { xmlMode: false, decodeEntities: true } }).root();
  if (root === undefined) throw new StackloreError('parse_failed', { message: 'The HTML gives no tree.' });
  checkDepth(root);
  return root;
}

/** The first element below a node that the test picks, in document order. */
export function findElement(node: HtmlNode, isWanted: (element: HtmlNode) => boolean): HtmlNode | undefined {
  return findElements(node, isWanted, 1)[0];
}

/** Elements below a node that the test picks, in document order; those within a picked one are not looked at. */
export function findElements(
  node: HtmlNode,
  isWanted: (element: HtmlNode) => boolean,
  limit = Number.POSITIVE_INFINITY,
): HtmlNode[] {
  const found: HtmlNode[] = [];
  const search = (parent: HtmlNode): void => {
    for (const child of parent.children ?? []) {
      if (found.length >= limit) return;
      if (child.name !== undefined && isWanted(child)) found.push(child);
      else search(child);
    }
  };
  search(node);
  return found;
}

/** The characters below a node, as they stand. */
export function rawText(node: HtmlNode): string {
  if (node.name === 'br') return '\n';
  return node.type === 'text' ? (node.data ?? '') : (node.children ?? []).map(rawText).join('');
}

/** The characters below a node on one line. */
export function lineText(node: HtmlNode): string {
  return rawText(node)
    .replace(/[\u00ad\u200b]/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Walks without recursion, so that later walks may recurse. */
function checkDepth(root: HtmlNode): void {
  const open: { readonly node: HtmlNode; readonly depth: number }[] = [{ node: root, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, depth } = next;
    if (depth > MAX_DEPTH) {
      throw new StackloreError('parse_failed', {
        message: `The HTML is nested deeper than ${MAX_DEPTH} levels. Simplify it, or convert it to text.`,
      });
    }
    for (const child of node.children ?? []) open.push({ node: child, depth: depth + 1 });
  }
}
