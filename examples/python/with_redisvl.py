"""Finds the chunks nearest to a question with RedisVL.

    pip install -r examples/python/requirements.txt
    stacklore ingest fixtures/documents --collection handbook --fields lang:tag,year:number
    REDIS_URL=unix://$HOME/.local/share/stacklore/redis.sock python examples/python/with_redisvl.py "How do I renew a loan?"
"""

import json
import os
import sys

from redisvl.index import SearchIndex
from redisvl.query import CountQuery, VectorQuery
from redisvl.query.filter import Num, Tag

from query_vector import query_vector

collection = os.environ.get("COLLECTION", "handbook")
question = sys.argv[1] if len(sys.argv) > 1 else "How do I renew a loan?"

# Reads the fields from the server. Never call delete(), clear() or load() on it: the chunks are stacklore's.
index = SearchIndex.from_existing(f"stacklore:live:{collection}", redis_url=os.environ["REDIS_URL"])

filters = (Tag("meta_lang") == "en") & (Num("meta_year") >= 2020)
query = VectorQuery(
    vector=query_vector(question, collection),
    vector_field_name="embedding",
    return_fields=["text", "metadata", "doc_id", "node_id"],
    filter_expression=filters,
    num_results=3,
)
print(f"{index.query(CountQuery(filter_expression=filters))} chunks pass the filter")
for chunk in index.query(query):
    metadata = json.loads(chunk["metadata"])
    print(f"{1 - float(chunk['vector_distance']):.3f}  {metadata['source']}  (document {chunk['doc_id']})")
    print(f"       {' › '.join(metadata.get('headings', [])) or metadata['title']}")
