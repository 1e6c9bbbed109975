// Looks a context up over HTTP, with nothing but fetch: what a program in any language would do.
//
//   stacklore serve
//   STACKLORE_URL=http://127.0.0.1:7700 node examples/context-over-http.mjs "How do I renew a loan?"
const { STACKLORE_URL, STACKLORE_API_KEY, COLLECTION = 'handbook' } = process.env;
const query = process.argv[2] ?? 'How do I renew a loan?';
if (!STACKLORE_URL) {
  console.error('Set STACKLORE_URL to where stacklore serve listens.');
  process.exit(2);
}

const response = await fetch(new URL('/v1/context', STACKLORE_URL), {
  method: 'POST',
  headers: {
    'content-type': 'application/json',
    ...(STACKLORE_API_KEY && { authorization: `Bearer ${STACKLORE_API_KEY}` }),
  },
  body: JSON.stringify({ query, collection: COLLECTION, maxTokens: 600 }),
});
const answer = /** @type {any} */ (await response.json());
if (!response.ok) {
  // Problem details, RFC 9457.
  console.error(`${response.status} ${answer.title ?? ''}: ${answer.detail ?? ''}`);
  process.exit(1);
}
console.log(answer.text);
for (const citation of answer.citations) console.log(`[${citation.number}] ${citation.source}`);
