"""The vector of a question, made by the model that stacklore embeds with."""

import json
import os
import shlex
import subprocess


def query_vector(question: str, collection: str) -> list[float]:
    """Asks the command line; it refuses a collection that another model has made."""
    stacklore = shlex.split(os.environ.get("STACKLORE", "stacklore"))
    command = [*stacklore, "embed", question, "--collection", collection, "--json"]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(result.stdout)["embedding"]
