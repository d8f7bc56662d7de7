"""The level below: one method per endpoint, plain values in, the server's JSON out."""

import os

from portico import Portico

MODEL = os.environ.get("PORTICO_MODEL", "local/smollm2-135m-instruct")

with Portico() as client:
    answer = client.low.chat.chat_completion(MODEL, "Hello", max_tokens=20)
    print(answer["choices"][0]["message"]["content"])
    print(answer["usage"])

    with client.low.chat.stream_chat_completion(MODEL, "Hello", max_tokens=20) as frames:
        for frame in frames:
            print(frame["choices"])

    print(client.low.tokens.validate_api_token())
