// Talks about a collection: each question is answered from the passages that are found for it.
//
//   stacklore ingest fixtures/documents --collection handbook
//   OPENAI_BASE_URL=http://127.0.0.1:11434/v1 OPENAI_MODEL=llama3.2 node examples/chat-engine.mjs "How long is a loan?" "And a renewal?"
import { Settings, VectorStoreIndex } from 'llamaindex';
import { openStacklore } from 'stacklore';
import { LocalEmbedding, RedisVectorStore } from 'stacklore/llamaindex';
import { OpenAiCompatible } from './openai-compatible.mjs';

const { OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL, COLLECTION = 'handbook' } = process.env;
const questions = process.argv.slice(2);
if (!OPENAI_BASE_URL || !OPENAI_MODEL || questions.length === 0) {
  console.error('Set OPENAI_BASE_URL and OPENAI_MODEL, and give a question or several.');
  process.exit(2);
}

const lore = openStacklore();
try {
  Settings.embedModel = new LocalEmbedding(lore);
  const index = await VectorStoreIndex.fromVectorStore(
    new RedisVectorStore({ lore, collection: COLLECTION }),
  );
  const chatEngine = index.asChatEngine({
    similarityTopK: 4,
    chatModel: new OpenAiCompatible({
      baseUrl: OPENAI_BASE_URL,
      model: OPENAI_MODEL,
      apiKey: OPENAI_API_KEY,
    }),
    systemPrompt: 'Answer from the context alone. Say so where it does not hold the answer.',
  });
  for (const message of questions) {
    console.log(`> ${message}`);
    const answer = await chatEngine.chat({ message, stream: true });
    const sources = new Set();
    for await (const { delta, sourceNodes = [] } of answer) {
      process.stdout.write(delta);
      for (const { node } of sourceNodes) sources.add(node.metadata.source);
    }
    console.log(`\n  from ${[...sources].join(', ')}`);
  }
} finally {
  await lore.close();
}
