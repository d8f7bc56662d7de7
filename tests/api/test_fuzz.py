"""Requests nobody thought of: made from our own OpenAPI document, and from random values for what is documented.

Whatever comes: an answer in time, never a 500, never a trace, refusals in the documented envelope. Seeds are fixed.
"""

from __future__ import annotations

import json
import socket
import string
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import CheckFunction
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from portico.server.catalog.find import Catalog
from portico.server.catalog.load import load_catalog
from portico.server.edge.http import HOT
from portico.server.edge.routes.chat import read_chat_request
from portico.server.edge.routes.embeddings import read_embedding_request
from portico.server.errors import PorticoError
from portico.server.gateway.parameters import fit_request
from portico.server.providers.base import Endpoint, Outgoing, Target, Turn
from portico.server.providers.local.adapter import Local
from portico.server.providers.openai import OpenAI
from portico.wire.model_ref import DirectModel
from tests.api.raw import ASKED, Wire, ask, check_refused, request
from tests.live import Answer, LiveServer

pytestmark = pytest.mark.usefixtures("upstream")
FEW, MANY = 60, 400
QUIET = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large)
PHASES = (Phase.explicit, Phase.generate)  # a failing request is shown as it was; making it smaller takes minutes


def fuzz(examples: int) -> Callable[[Any], Any]:
    """The same examples every time, without a database of earlier failures."""
    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=PHASES,
        suppress_health_check=QUIET,
    )
    return lambda test: chosen(test)


# from the OpenAPI document -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document(server: LiveServer) -> dict[str, Any]:
    answer = server.get("/schema/openapi.json", token=None)
    assert answer.status == 200
    return dict(answer.json())


def test_the_document_names_every_hot_path(document: dict[str, Any]) -> None:
    assert set(HOT) <= set(document["paths"])
    assert document["openapi"].startswith("3.1")


def operations(document: dict[str, Any]) -> list[tuple[str, str]]:
    verbs = ("get", "post", "put", "patch", "delete")
    return [(path, verb) for path, item in document["paths"].items() for verb in item if verb in verbs]


def keep(document: dict[str, Any], wanted: Callable[[str, str], bool]) -> dict[str, Any]:
    """The document with some of its operations only."""
    paths: dict[str, Any] = {}
    for path, verb in operations(document):
        if wanted(path, verb):
            paths.setdefault(path, {})[verb] = document["paths"][path][verb]
    return {**document, "paths": paths}


def run_schema(server: LiveServer, document: dict[str, Any], examples: int, *, positive: bool | None = None) -> int:
    """Sends `examples` requests per operation; the number of answers. Raises at the first odd one."""
    config = SchemathesisConfig.from_dict(
        {"generation": {"mode": "all" if positive is None else "positive" if positive else "negative"}}
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.config.update(base_url=server.url)
    answers = 0
    checks: list[CheckFunction] = [content_type_conformance, response_schema_conformance]
    headers = {"Authorization": f"Bearer {server.token()}"}
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # our own document is valid

        @seed(20260101)
        @fuzz(examples)
        @given(case=operation.as_strategy())
        def send(case: Any) -> None:
            nonlocal answers
            answers += 1
            answer = case.call(headers=headers, timeout=60)
            assert answer.status_code < 500 or answer.status_code == 501, (case.as_curl_command(), answer.text)
            assert "Traceback" not in answer.text
            assert answer.headers["x-request-id"]
            case.validate_response(answer, checks=checks, excluded_checks=[])

        send()
    return answers


@pytest.mark.timeout(300)
def test_reading_operations_answer_as_their_document_says(server: LiveServer, document: dict[str, Any]) -> None:
    gets = keep(document, lambda path, verb: verb == "get" and "openapi" not in path)
    assert run_schema(server, gets, 12) > 50


@pytest.mark.timeout(300)
def test_hot_operations_answer_as_their_document_says(server: LiveServer, document: dict[str, Any]) -> None:
    hot = keep(document, lambda path, verb: path in ("/v1/chat/completions", "/v1/embeddings"))
    assert run_schema(server, hot, FEW) > 50


@pytest.mark.timeout(300)
def test_other_operations_survive_what_their_document_allows(server: LiveServer, document: dict[str, Any]) -> None:
    """With the project's token: it may change no token, so nothing is lost."""
    others = keep(document, lambda path, verb: verb != "get" and "chat" not in path and "embedding" not in path)
    assert run_schema(server, others, 10) > 20


# the grammar of the model --------------------------------------------------------------------------------------

PIECES = [
    "saia",
    "SAIA",
    ":",
    "::",
    "/",
    "agent",
    "assistant",
    "search",
    "flow",
    "openai",
    "OpenAI",
    "gpt-4o-mini",
    "0",
    "-1",
    "99999999999999999999",
    " ",
    "+",
    ".",
    "[",
    "]",
    "\u0000",
    "\n",
    "é",
    "😀",
    "\u202e",
    "%2F",
    "..",
    "local",
    "{x}",
    "'",
    '"',
    "\\",
    "smollm2",
]
grammar = st.one_of(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.text(max_size=60))


@fuzz(MANY)
@given(model=grammar)
def test_any_model_text_gets_an_answer(server: LiveServer, model: str) -> None:
    check_answer(ask_kept(server, {**ASKED, "model": model, "max_tokens": 1}))


_kept: dict[int, Wire] = {}


def ask_kept(server: LiveServer, body: Any) -> Answer:
    """On one kept connection: an answer that leaves it out of step spoils the next one, and is noticed."""
    wire = _kept.get(server.port) or Wire(server)
    _kept[server.port] = wire
    try:
        wire.send(request(server, body))
        answer = wire.answer()
    except BaseException:
        _kept.pop(server.port).socket.close()
        raise
    if answer.headers.get("connection") == "close":
        _kept.pop(server.port).socket.close()
    return answer


@pytest.fixture(scope="module", autouse=True)
def _close_kept() -> Any:
    yield
    while _kept:
        _kept.popitem()[1].socket.close()


def check_answer(answer: Answer) -> None:
    if answer.status == 200:
        assert b"Traceback" not in answer.body
        return
    assert answer.status in (400, 404, 501), (answer.status, answer.body)
    assert check_refused(answer, answer.status)


# chat bodies ---------------------------------------------------------------------------------------------------

numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([0, 1, -1, 2**31, 2**53, 2**64, 10**40, 1e308]))
words = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            "true",
            "false",
            "null",
            "none",
            "auto",
            "inf",
            "nan",
            "1e999",
            "²",
            "\u0000",
            "function",
            "text",
            "json_schema",
            "json_object",
            "user",
            "tool",
            "assistant",
            "image_url",
            "9" * 5000,
        ]
    ),
)
leaves = st.one_of(st.none(), st.booleans(), numbers, words)
known_keys = st.sampled_from(
    [
        "role",
        "content",
        "type",
        "text",
        "name",
        "function",
        "tool_calls",
        "tool_call_id",
        "id",
        "arguments",
        "image_url",
        "url",
        "json_schema",
        "schema",
        "parameters",
        "properties",
        "include_usage",
        "tool_choice",
        "index",
        "strict",
    ]
)
keys = st.one_of(known_keys, st.text(max_size=8))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)
MEMBERS = [
    "messages",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "n",
    "seed",
    "logprobs",
    "top_logprobs",
    "user",
    "store",
    "metadata",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "thinking",
    "variables",
    "threadId",
    "filters",
    "revision",
    "revisionName",
    "web_search_options",
    "model",
]

calls = st.lists(
    st.one_of(
        values,
        st.fixed_dictionaries(
            {},
            optional={"id": leaves, "type": leaves, "function": st.one_of(values, st.dictionaries(known_keys, values))},
        ),
    ),
    max_size=3,
)
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"])},
        optional={
            "content": st.one_of(
                words, st.none(), st.lists(st.one_of(words, st.dictionaries(known_keys, values)), max_size=3)
            ),
            "tool_calls": st.one_of(calls, values),
            "tool_call_id": values,
            "name": values,
        },
    ),
    max_size=4,
)
named = st.fixed_dictionaries(
    {"name": st.sampled_from(["f", "g", "", "a b"])},
    optional={"parameters": values, "strict": values, "description": values},
)
tools = st.lists(
    st.one_of(named, st.builds(lambda f: {"type": "function", "function": f}, named), st.just({"googleSearch": {}})),
    min_size=1,
    max_size=3,
)
choices = st.one_of(
    values, st.sampled_from(["none", "auto", "required"]), st.just({"type": "function", "function": {"name": "f"}})
)
formats = st.builds(
    lambda kind, schema: {"type": kind, "json_schema": {"name": "x", "schema": schema}},
    st.sampled_from(["text", "json_object", "json_schema"]),
    values,
)
likely = st.fixed_dictionaries(
    {"messages": messages}, optional={"tools": tools, "tool_choice": choices, "response_format": formats}
)
bodies = st.one_of(
    st.dictionaries(st.sampled_from(MEMBERS), values, max_size=6),
    likely,
    st.builds(lambda a, b: {**a, **b}, likely, st.dictionaries(st.sampled_from(MEMBERS), values, max_size=3)),
)


def as_json(value: Any) -> bytes:
    """NaN and Infinity, lone surrogates and all, as a careless client writes them."""
    return json.dumps(value).encode()


@fuzz(MANY)
@given(body=bodies)
def test_any_values_for_the_documented_members_get_an_answer(server: LiveServer, body: dict[str, Any]) -> None:
    answer = ask_kept(server, as_json({**ASKED, **body, "model": "openai/gpt-4o-mini"}))
    check_answer(answer)


@fuzz(MANY)
@given(body=st.binary(max_size=200))
def test_any_bytes_get_an_answer(server: LiveServer, body: bytes) -> None:
    check_answer(ask_kept(server, body))


@fuzz(MANY)
@given(position=st.integers(0, 200), byte=st.integers(0, 255))
def test_one_byte_changed_gets_an_answer(server: LiveServer, position: int, byte: int) -> None:
    good = as_json({**ASKED, "temperature": 0.5, "stop": ["a", "é"], "stream_options": {"include_usage": True}})
    position %= len(good)
    check_answer(ask_kept(server, good[:position] + bytes([byte]) + good[position + 1 :]))


@fuzz(MANY)
@given(
    body=st.dictionaries(
        st.sampled_from(["model", "input", "encoding_format", "dimensions", "input_type", "user", "timeout", "x"]),
        values,
    )
)
def test_any_values_for_the_members_of_embeddings_are_read_or_refused(body: dict[str, Any]) -> None:
    refuse_or(lambda: read_embedding_request(as_json({"model": "a/b", "input": "x", **body})))


@fuzz(MANY // 2)
@given(
    body=st.dictionaries(st.sampled_from(["name", "description", "expiresAt", "status", "x"]), values),
    new=st.booleans(),
)
def test_any_values_for_a_token_get_an_answer(server: LiveServer, body: dict[str, Any], new: bool) -> None:
    """With the organization's token, which may make some."""
    project = server.get("/v1/accessControl/apitoken/validate").json()
    headers = {"project-id": str(project.get("projectId", ""))}
    path = "/v2/projects/tokens" + ("" if new else "/nobody")
    answer = server.request("POST" if new else "PUT", path, as_json(body), headers, token=server.token("organization"))
    assert answer.status in (201, 400, 404, 409), (answer.status, answer.body)
    assert answer.status == 201 or answer.json()["errors"][0]["id"]


@cache
def catalog() -> Catalog:
    return load_catalog(None)


def refuse_or(work: Callable[[], Any]) -> Any:
    """The result, or None for an error of our tree; anything else is a bug."""
    try:
        return work()
    except PorticoError as error:
        assert error.status in (400, 404, 413)
        return None


@fuzz(2 * MANY)
@given(body=bodies, local=st.booleans(), streamed=st.booleans())
def test_whatever_is_read_can_be_written_to_a_provider(body: dict[str, Any], local: bool, streamed: bool) -> None:
    """In process: reading, fitting the parameters and the adapters are pure."""
    chosen = {**ASKED, **body, "model": "local/smollm2-135m-instruct" if local else "openai/o3-mini"}
    read = refuse_or(lambda: read_chat_request(as_json(chosen)))
    if read is None:
        return
    assert isinstance(read.ref, DirectModel)
    model = catalog().resolve(read.ref.provider, read.ref.name, "Chat")
    adapter = Local(None) if local else OpenAI()  # type: ignore[arg-type]  # writing needs no runtime
    target = Target("p", "m", "m", adapter, Endpoint("http://127.0.0.1:1/v1"))
    read.stream = streamed

    def write() -> Outgoing:
        turn = Turn(True)
        return adapter.write_chat(fit_request(read, model, turn), target, turn)

    outgoing = refuse_or(write)
    if outgoing is not None:
        json.loads(outgoing.body)


@pytest.mark.parametrize("name", sorted({p.name for p in load_catalog(None).providers}))
def test_every_provider_of_the_catalog_refuses_or_answers(server: LiveServer, name: str) -> None:
    model = next((m for m in catalog().find_provider(name).models if m.type == "Chat"), None)
    if model is None or name == "local":
        return
    answer = ask(server, request(server, {**ASKED, "model": f"{name}/{model.name}"}))
    if answer.status != 200:
        check_refused(answer, answer.status)
        assert answer.status in (400, 501)


# headers -------------------------------------------------------------------------------------------------------

NAMES = [
    "Authorization",
    "Saia-Auth",
    "project-id",
    "ProjectId",
    "projectId",
    "Content-Type",
    "Content-Length",
    "Expect",
    "Transfer-Encoding",
    "Connection",
    "Upgrade",
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Host",
    "Cookie",
    "saia-conversation-id",
    "X-Saia-Cache-Enabled",
    "X-Request-Id",
    "Range",
    "If-None-Match",
    "X",
]
odd_bytes = st.binary(max_size=40).map(lambda b: b.translate(None, b"\r\n\x00"))
odd_values = st.one_of(
    odd_bytes,
    odd_bytes.map(lambda b: b"Bearer " + b),
    odd_bytes.map(lambda b: b"Basic " + b),
    st.sampled_from(
        [
            b"",
            b"100-continue",
            b"chunked",
            b"gzip, chunked",
            b"close",
            b"keep-alive",
            b"upgrade",
            b"h2c",
            b"websocket",
            b"0",
            b"-1",
            b"5",
            b"99999999999999999999",
            b"x" * 70_000,
            b"\xff\xfe",
            b"*/*;q=2",
            b"es-ES,es;q=0.9,;;q",
            b"bytes=0-1",
        ]
    ),
)
header_lists = st.lists(st.tuples(st.sampled_from(NAMES), odd_values), max_size=6)


@fuzz(MANY)
@given(headers=header_lists, hot=st.booleans(), known=st.booleans())
def test_any_headers_get_an_answer(
    server: LiveServer, headers: list[tuple[str, bytes]], hot: bool, known: bool
) -> None:
    body = as_json(ASKED) if hot else b""
    lines = [b"POST /v1/chat/completions HTTP/1.1" if hot else b"GET /v1/models HTTP/1.1"]
    lines += [name.encode() + b": " + value for name, value in headers]
    if known:
        lines.append(b"Authorization: Bearer " + server.token().encode())
    names = {name.lower() for name, _ in headers}
    if not names & {"content-length", "transfer-encoding"}:
        lines.append(b"Content-Length: %d" % len(body))
    with Wire(server) as wire:
        wire.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        if names & {"content-length", "transfer-encoding"}:
            wire.socket.shutdown(socket.SHUT_WR)  # a request that waits for more of its body ends here
        try:
            answer = wire.answer()
        except ConnectionError:
            assert names & {"content-length", "transfer-encoding"}, "only an unfinished body may stay without an answer"
            return
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        assert answer.headers["x-request-id"]
        assert set(answer.json()["errors"][0]) == {"id", "description"}


@pytest.mark.parametrize("size", [1_000, 70_000, 200_000])
@pytest.mark.parametrize("name", ["X-Anything", "Authorization", "saia-conversation-id", "project-id"])
def test_a_huge_header_gets_an_answer(server: LiveServer, name: str, size: int) -> None:
    answer = ask(server, request(server, ASKED, extra=f"{name}: {string.ascii_letters * (size // 52)}\r\n"))
    assert answer.status in (200, 400, 401, 403, 404)


def test_headers_without_end_are_cut_off(server: LiveServer) -> None:
    with Wire(server) as wire:
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\n")
        try:
            for number in range(200):
                wire.send(b"".join(b"X-%d-%d: %b\r\n" % (number, i, b"y" * 100) for i in range(100)))
        except OSError:
            return  # closed while we were still sending
        check_refused(wire.answer(), 400, 20)
