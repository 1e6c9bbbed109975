import type { OpenApiDocument, OpenApiOperation } from './openapi.ts';

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
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<header>
<h1>stacklore HTTP API</h1>
<p>The same as an <a href="/openapi.json">OpenAPI 3.1 document</a>. Send an API key as <code>Authorization: Bearer …</code>;
a server on loopback that has none asks for none.</p>
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
  const rows = parameters.map(({ name, in: place, required, schema, description: said = '' }) => {
    const cells = [
      `<code>${escapeHtml(name)}</code>`,
      place,
      required ? 'yes' : 'no',
      escapeHtml(typeOf(schema)),
      escapeHtml(said),
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  const head = ['Name', 'In', 'Required', 'Type', ''].map((cell) => `<th scope="col">${cell}</th>`).join('');
  return `<article id="${operationId}">
<h3><span class="method">${method}</span> <code>${escapeHtml(path)}</code></h3>
<p>${escapeHtml(summary)}</p>
${description === undefined ? '' : `<p>${escapeHtml(description)}</p>`}
${rows.length === 0 ? '' : `<table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`}
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
  const json = escapeHtml(JSON.stringify(schema, null, 2));
  return `<details><summary>${escapeHtml(label)}</summary><pre>${json}</pre></details>`;
}

function typeOf(schema: unknown): string {
  const {
    type,
    enum: values,
    anyOf,
  } = (schema ?? {}) as { type?: string; enum?: unknown[]; anyOf?: unknown[] };
  if (values) return values.map(String).join(' | ');
  return type ?? anyOf?.map(typeOf).join(' | ') ?? 'any';
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
details { margin: .4rem 0; }
summary { cursor: pointer; }
pre { overflow: auto; max-height: 30rem; padding: .75rem; background: var(--soft); border-radius: .4rem; font-size: .85rem; }
`;
