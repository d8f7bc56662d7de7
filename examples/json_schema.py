"""An answer that fits a schema. On local models a grammar sees to it."""

import json
import os

from portico import Portico

MODEL = os.environ.get("PORTICO_MODEL", "local/smollm2-135m-instruct")
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 40}, "born": {"type": "integer"}},
    "required": ["name", "born"],
    "additionalProperties": False,
}

with Portico() as client:
    answer = client.chat.complete(
        MODEL,
        "Ada Lovelace was born in 1815. Who is it about?",
        response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}},
        max_tokens=300,
    )
    person = json.loads(answer.text)
    print(person["name"], person["born"])
