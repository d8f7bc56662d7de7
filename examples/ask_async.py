"""Three questions at once, with asyncio."""

import asyncio
import os

from portico import AsyncPortico

MODEL = os.environ.get("PORTICO_MODEL", "local/smollm2-135m-instruct")
QUESTIONS = ["Name a river of Chile.", "Name a mountain of Peru.", "Name a lake of Bolivia."]


async def main() -> None:
    async with AsyncPortico() as client:
        answers = await asyncio.gather(*(client.chat.complete(MODEL, q, max_tokens=30) for q in QUESTIONS))
    for question, answer in zip(QUESTIONS, answers, strict=True):
        print(f"{question} {answer.text}")


asyncio.run(main())
