"""What a RAG assistant says where its maker has said nothing: the prompts of the answer, of the history, of retrievers.

Their placeholders are the reference's: RAG reference, "Prompts the server must supply by default".
"""

from __future__ import annotations

from collections.abc import Mapping

FIRST_EMBEDDING = "openai/text-embedding-3-small"
LOCAL_EMBEDDING = "local/all-minilm-l6-v2"
"""Of a profile that names no model, where no key for the first one is set."""

PROMPT = """\
You answer questions from the passages below, which were found in documents.

Rules:
- Use what the passages say, and nothing else. Do not add what you know from elsewhere, and do not guess.
- When the passages do not hold the answer, say that you do not know. When they hold a part of it, give that part and \
say what is missing.
- Keep numbers, names, dates and conditions exactly as they are written. When passages contradict each other, say so.
- Answer in the language of the question, in Markdown, and as briefly as the question allows.

<context>
{context}
</context>

Question: {question}

Answer:"""

HISTORY_PROMPT = """\
Below are a conversation and what the user says next. Write one question that says the same as the user's last words \
and can be understood by somebody who has not read the conversation: put in the names and things that it refers to.

- Keep the language of the user, and every detail of the question.
- Do not answer it. When it can be understood as it is, repeat it unchanged.
- Write the question and nothing else.

Conversation:
{chat_history}

The user says next: {question}

The question that stands for itself:"""

MULTI_QUERY = """\
A search in documents shall find passages that answer the question below, whatever words the documents use. Write \
{queryCount} other questions that ask for the same: with synonyms, with technical and with everyday terms, wider and \
narrower, each in the language of the question.

Write one question per line, without numbers, between <questions> and </questions>, and nothing else.

Question: {question}"""

HYDE = """\
Write a short passage, at most five sentences, as it could stand in a document that answers the question below. Write \
as such a document would: plainly, in its usual terms, without an introduction and without saying that it is made up. \
Use the language of the question.

Question: {question}

Passage:"""

COMPRESSION = """\
From the passage below, copy the parts that help to answer the question. Copy them word for word, one after the \
other, and change nothing: no summary, no comment, no answer. When no part helps, write NO_OUTPUT and nothing else.

Question: {question}

Passage:
{context}

Parts:"""

SELF_QUERY = """\
Split the question below into what to search for in the text of documents, and conditions on what is known of them.

These attributes are known, each with an example of its value:
{attributes}

Write a fenced JSON object with two members and nothing else:

```json
{"query": "what to search for", "filter": "the conditions"}
```

- "query" is what to look for in the text, without the conditions.
- A condition is eq(attribute, value), ne(attribute, value), gt(attribute, value), gte(attribute, value), \
lt(attribute, value) or lte(attribute, value). Texts stand in double quotes (escaped within the JSON), numbers do not; \
dates are texts such as "20240131".
- Join conditions with and(..., ...) and or(..., ...), which may stand in one another.
- Use the attributes above only, and only what the question says. When it sets no condition, "filter" is "NO_FILTER".

Question: {question}"""

RETRIEVER_PROMPTS: Mapping[str, str] = {
    "multiQuery": MULTI_QUERY,
    "hyde": HYDE,
    "contextualCompression": COMPRESSION,
    "selfQuery": SELF_QUERY,
}
"""By the type of the retriever; the others ask no model."""
OWN_PROMPT = frozenset(("multiQuery", "hyde", "contextualCompression"))
"""Types that take another prompt than the default one."""
