/** A fenced block of a Markdown file. */
export interface Snippet {
  readonly language: string;
  readonly code: string;
  /** Why it is not run, where a comment above it says so. */
  readonly reason?: string;
}

const FENCE = /(?:<!-- not run: (.+?) -->\s*\n)?^```(\w*)\n([\s\S]*?)^```$/gm;

/** The fenced blocks of a Markdown file, in order. */
export function readSnippets(markdown: string): Snippet[] {
  return [...markdown.matchAll(FENCE)].map(([, reason, language = '', code = '']) => {
    return { language, code, ...(reason !== undefined && { reason }) };
  });
}
