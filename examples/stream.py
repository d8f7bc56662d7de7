"""An answer as it is made: first only its text, then every event of it."""

import os

from portico import Finish, Portico, TextDelta, UsageEvent

MODEL = os.environ.get("PORTICO_MODEL", "local/smollm2-135m-instruct")

with Portico() as client:
    with client.chat.stream(MODEL, "Count from one to five.", max_tokens=40) as stream:
        for piece in stream.text_stream():
            print(piece, end="", flush=True)
    print()

    options = {"include_usage": True}
    with client.chat.stream(MODEL, "Say hello.", max_tokens=20, stream_options=options) as stream:
        for event in stream:
            match event:
                case TextDelta(text):
                    print(f"text    {text!r}")
                case Finish(reason):
                    print(f"finish  {reason}")
                case UsageEvent(usage):
                    print(f"usage   {usage.total_tokens} tokens")
