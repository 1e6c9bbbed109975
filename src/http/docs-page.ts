import type { OpenApiDocument, OpenApiOperation } from './openapi.ts';
import { type FieldRow, fieldRows, type JsonSchema, noteOf, typeOf } from './schema-table.ts';

/** The document as a page for people: no script, nothing loaded from elsewhere. */
export function docsPage({ paths, components }: OpenApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const byTag = new Map<string, Operation[]>();
  for (const one of operations) {
    for (const tag of one.operation.tags) byTag.set(tag, [...(byTag.get(tag) ?? []), one]);
  }
  const contents = Array.from(
    byTag.keys(),
    (tag) => `<li><a href="#${slug(tag)}">${escapeHtml(tag)}</a></li>`,
  );
  const sections = Array.from(
    byTag,
    ([tag, some]) =>
      `<section id="${slug(tag)}"><h2>${escapeHtml(tag)}</h2>${some.map(operationHtml).join('')}</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>stacklore HTTP API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<header>
<h1>stacklore HTTP API</h1>
<p>The same as an <a href="/openapi.json">OpenAPI 3.1 document</a>. Send an API key as <code>Authorization: Bearer …</code>;
a server on loopback that has none asks for none. People have <a href="/">the search page</a>.</p>
</header>
<nav aria-label="Contents"><ul>${contents.join('')}<li><a href="#problems">Problems</a></li></ul></nav>
<main>
${sections.join('\n')}
<section id="problems"><h2>Problems</h2>
<p>What fails is answered with <code>application/problem+json</code> (RFC 9457). <code>code</code> is stable.</p>
${schemaHtml('Problem', components.schemas.Problem)}
</section>
</main>
</body>
</html>
`;
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operation: OpenApiOperation;
}

function operationHtml({ method, path, operation }: Operation): string {
  const { summary, description, parameters = [], requestBody, responses, operationId } = operation;
  const fields = parameters.map(({ name, in: place, required: isRequired, schema, description }) => ({
    name,
    type: typeOf(schema as JsonSchema),
    isRequired,
    note: `In the ${place}. ${noteOf({ ...(schema as JsonSchema), ...(description && { description }) })}`,
  }));
  return `<article id="${operationId}">
<h3><span class="method">${method}</span> <code>${escapeHtml(path)}</code></h3>
<p>${prose(summary)}</p>
${description === undefined ? '' : `<p>${prose(description)}</p>`}
${fieldTable(fields)}
${contentHtml('Body', requestBody?.content)}
${Object.entries(responses)
  .map(([status, { content }]) => contentHtml(`Answer ${status}`, content))
  .join('')}
</article>`;
}

function contentHtml(
  label: string,
  content: Readonly<Record<string, { readonly schema: unknown }>> = {},
): string {
  return Object.entries(content)
    .map(([type, { schema }]) => schemaHtml(`${label}: ${type}`, schema))
    .join('');
}

function schemaHtml(label: string, schema: unknown): string {
  const rows = fieldRows(schema as JsonSchema);
  const content = rows.length > 0 ? fieldTable(rows) : `<p>${prose(typeOf(schema as JsonSchema))}</p>`;
  return `<details><summary>${escapeHtml(label)}</summary>${content}</details>`;
}

function fieldTable(rows: readonly FieldRow[]): string {
  if (rows.length === 0) return '';
  const head = ['Name', 'Type', 'Required', 'Meaning'].map((cell) => `<th scope="col">${cell}</th>`);
  const body = rows.map(({ name, type, isRequired, note }) => {
    const cells = [
      `<code>${escapeHtml(name)}</code>`,
      escapeHtml(type),
      isRequired ? 'yes' : '',
      prose(note),
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  return `<div class="frame" tabindex="0"><table><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}

/** Text whose words in backticks are code. */
function prose(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

function slug(tag: string): string {
  return tag.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}

/** How the page looks, light and dark. */
export const DOCS_STYLE = `:root { color-scheme: light dark; --line: light-dark(#d5d9e0, #3a4150); --soft: light-dark(#f4f6f9, #1d222c); }
body { margin: 0 auto; max-width: 60rem; padding: 1rem 1.5rem 4rem; font: 1rem/1.55 system-ui, sans-serif;
  color: light-dark(#1b2330, #e4e8ef); background: light-dark(#fff, #14181f); }
a { color: light-dark(#0b57c2, #8ab8ff); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; list-style: none; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
article { margin: 1.5rem 0; }
h3 { margin-bottom: .25rem; font-weight: 600; }
.method { display: inline-block; min-width: 4.5rem; color: light-dark(#0a6b3d, #7fd8a6); font-family: ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
td:first-child code { overflow-wrap: anywhere; }
h3 code { overflow-wrap: anywhere; }
.frame { overflow-x: auto; font-size: .9rem; }
code { padding: 0 .2em; background: var(--soft); border-radius: .2rem; }
details { margin: .4rem 0; }
summary { cursor: pointer; }
`;
