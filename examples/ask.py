"""A question and its answer. Token and address come from the environment, a profile, or the local server."""

import os

from portico import Portico

MODEL = os.environ.get("PORTICO_MODEL", "local/smollm2-135m-instruct")

with Portico() as client:
    answer = client.chat.complete(MODEL, "Write one sentence about the sea.", max_tokens=60)
    print(answer.text)
    if answer.usage:
        print(f"{answer.usage.total_tokens} tokens, {answer.usage.total_cost} {answer.usage.currency}")
