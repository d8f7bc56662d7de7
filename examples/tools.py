"""The model asks for a tool, the program runs it, the model answers with what came out."""

import json
import os
from typing import Any

from portico import Portico

MODEL = os.environ.get("PORTICO_MODEL", "local/smollm2-135m-instruct")
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city, now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Lima", "Quito", "Santiago"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def get_weather(city: str) -> str:
    return f"18 degrees and dry in {city}"


messages: list[dict[str, Any]] = [{"role": "user", "content": "What is the weather in Lima?"}]
with Portico() as client:
    asked = client.chat.complete(
        MODEL, messages, tools=[WEATHER], tool_choice="required", max_tokens=100, temperature=0
    )
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
        for c in asked.tool_calls
    ]
    messages.append({"role": "assistant", "content": "", "tool_calls": calls})
    for call in asked.tool_calls:
        result = get_weather(**json.loads(call.function.arguments))
        print(f"{call.function.name}({call.function.arguments}) -> {result}")
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    print(client.chat.complete(MODEL, messages, max_tokens=60).text)
