"""Documents in, a question, an answer with its sources."""

import uuid

from portico import Portico

NAME = f"example-{uuid.uuid4().hex[:8]}"
DOCUMENTS = {
    "leave.md": b"# Leave\n\nEvery employee has twenty-five days of paid leave in a year.\n",
    "pay.md": b"# Pay\n\nSalaries are paid on the last working day of the month.\n",
}

with Portico() as client:
    client.rag.create(NAME, search_options={"search": {"k": 1}, "llm": {"maxTokens": 40}})
    try:
        for name, content in DOCUMENTS.items():
            client.rag.upload(NAME, content, name=name, metadata={"year": 2026})
        board = client.rag.wait_until_indexed(NAME, on_progress=lambda board: print(dict(board.counts)))
        for document in board.failed:
            print(document.name, document.index_detail)

        with client.rag.stream(NAME, "How many days of paid leave are there?") as stream:
            for piece in stream.text_stream():
                print(piece, end="", flush=True)
            print()
            for source in stream.sources:
                print(f"source: {source.name} {source.lines}")
    finally:
        client.rag.delete(NAME)
