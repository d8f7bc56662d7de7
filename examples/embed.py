"""Which of these texts is nearest to the question?"""

import os

from portico import Portico

MODEL = os.environ.get("PORTICO_EMBEDDING_MODEL", "local/all-minilm-l6-v2")
TEXTS = ["Invoices are paid within 30 days.", "The office is closed on Sundays.", "Lunch is served at noon."]
QUESTION = "When do I get my money?"

with Portico() as client:
    question, *texts = (item.vector() for item in client.embeddings.create(MODEL, [QUESTION, *TEXTS]).data)


def similarity(one: list[float], other: list[float]) -> float:
    """The cosine; the vectors have length 1."""
    return sum(a * b for a, b in zip(one, other, strict=True))


for score, text in sorted(((similarity(question, v), t) for v, t in zip(texts, TEXTS, strict=True)), reverse=True):
    print(f"{score:.3f}  {text}")
