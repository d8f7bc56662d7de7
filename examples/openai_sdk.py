"""The OpenAI SDK against Portico: only address and token differ. Needs the package `openai`."""

import os

from openai import OpenAI

from portico import Portico

MODEL = os.environ.get("PORTICO_MODEL", "local/smollm2-135m-instruct")

# Any way to address and token will do; this one finds the local server by itself.
with Portico() as found:
    credentials = found.credentials

with OpenAI(base_url=f"{credentials.base_url}/v1", api_key=str(credentials.api_key)) as client:
    answer = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Say hello."}], max_tokens=20
    )
    print(answer.choices[0].message.content)

    with client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Count to three."}], max_tokens=20, stream=True
    ) as stream:
        for chunk in stream:
            if chunk.choices:
                print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()
