"""Finds the chunks nearest to a question with redis-py alone.

    pip install -r examples/python/requirements.txt
    stacklore ingest fixtures/documents --collection handbook --fields lang:tag,year:number
    REDIS_URL=unix://$HOME/.local/share/stacklore/redis.sock python examples/python/with_redis_py.py "How do I renew a loan?"
"""

import json
import os
import struct
import sys

import redis
from redis.commands.search.query import Query

from query_vector import query_vector

collection = os.environ.get("COLLECTION", "handbook")
question = sys.argv[1] if len(sys.argv) > 1 else "How do I renew a loan?"

client = redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
vector = query_vector(question, collection)

# Values go in as parameters. Without sort_by and paging the nearest chunk may be missing; without return_fields
# every vector would come back too.
query = (
    Query("(@meta_lang:{$lang} @meta_year:[$year inf])=>[KNN $k @embedding $vector AS distance]")
    .sort_by("distance")
    .paging(0, 3)
    .return_fields("distance", "text", "metadata", "doc_id", "node_id")
    .dialect(2)
)
parameters = {"lang": "en", "year": 2020, "k": 3, "vector": struct.pack(f"<{len(vector)}f", *vector)}
# This alias follows the collection through every reindex.
found = client.ft(f"stacklore:live:{collection}").search(query, parameters)

for chunk in found.docs:
    metadata = json.loads(chunk.metadata)
    print(f"{1 - float(chunk.distance):.3f}  {metadata['source']}  (document {chunk.doc_id})")
    print(f"       {' › '.join(metadata.get('headings', [])) or metadata['title']}")
