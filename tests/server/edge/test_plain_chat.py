"""The plain way of reading a chat request makes exactly what the checks one by one make of it, or leaves it to them."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portico.server.edge.bodies import read_members
from portico.server.edge.plain_chat import maybe_plain
from portico.server.edge.routes.chat import read_chat_members, read_chat_request
from portico.server.errors import PorticoError
from portico.wire.requests import ChatRequest

HELLO = b'[{"role":"user","content":"Hello"}]'
Told = ChatRequest | tuple[type, str, object, str | None]


def slow(body: bytes) -> Told:
    try:
        return read_chat_members(read_members(body), len(body))
    except PorticoError as error:
        return _told(error)


def as_read(body: bytes) -> Told:
    try:
        return read_chat_request(body)
    except PorticoError as error:
        return _told(error)


def _told(error: PorticoError) -> Told:
    return type(error), error.message, error.id, error.param


def plain(body: bytes) -> ChatRequest | None:
    return maybe_plain(body, read_members(body))


def body_of(*members: bytes) -> bytes:
    return b'{"model":"openai/gpt-4o","messages":%b%b}' % (HELLO, b"".join(b"," + one for one in members))


def check(body: bytes) -> None:
    expected, found = slow(body), as_read(body)
    assert found == expected
    if isinstance(expected, ChatRequest) and isinstance(found, ChatRequest):
        assert list(found.members) == list(expected.members)  # their order, too, goes to the provider
        assert [bytes(raw) for raw in found.members.values()] == [bytes(raw) for raw in expected.members.values()]


# JSON texts, written in many ways --------------------------------------------------------------------------------

BLANKS = st.sampled_from([b"", b"", b"", b" ", b"\n", b"\t \r\n"])
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["", " ", "true", "False", "1", "0.5", "1e3", "-0", "nan", "inf", "\0", "\U0001f600", "\u2028"]),
)
EDGES = [
    b"0", b"-0", b"-0.0", b"1", b"1.0", b"1.5", b"2", b"2.0", b"2.0000000000000001", b"2.0000000000000005",
    b"-2", b"-2.000001", b"1e0", b"1E+2", b"1e-400", b"1e400", b"100", b"100.0", b"9007199254740992",
    b"9007199254740992.4", b"9007199254740993", b"9007199254740994", b"18446744073709551616", b"9" * 400,
]  # fmt: skip
NUMBERS = st.one_of(
    st.sampled_from(EDGES),
    st.integers(-(2**70), 2**70).map(lambda n: b"%d" % n),
    st.floats(-3, 3).map(lambda x: repr(x).encode()),
)
WORDS = st.sampled_from([b"true", b"false", b"null"])
NO_JSON = st.sampled_from(
    [
        b"01", b"+1", b".5", b"1.", b"NaN", b"Infinity", b"-", b"0x1", b"True", b"nul", b"", b"[", b"{]", b"'x'",
        rb'"\ud800"', rb'"\x"', b'"\n"', b'"\xff"', rb'"\udc00\ud800"', b'"a\x00b"',
    ]
)  # fmt: skip


@st.composite
def strings(draw: st.DrawFn, texts: st.SearchStrategy[str] = TEXTS) -> bytes:
    """One text as JSON: as it is, escaped, or each character by its number."""
    text = draw(texts)
    way = draw(st.sampled_from(["plain", "ascii", "numbers"]))
    if way == "numbers":
        units = text.encode("utf-16-be")
        return b'"%b"' % b"".join(b"\\u%02x%02X" % (units[i], units[i + 1]) for i in range(0, len(units), 2))
    return json.dumps(text, ensure_ascii=way == "ascii").encode()


NUMBERS_IN_QUOTES = NUMBERS.map(lambda raw: b'"%b"' % raw)
VALUES = st.recursive(
    st.one_of(strings(), NUMBERS, WORDS, NUMBERS_IN_QUOTES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: b"[%b]" % b",".join(items)),
        st.lists(st.tuples(strings(), inner), max_size=3).map(
            lambda pairs: b"{%b}" % b",".join(b"%b:%b" % pair for pair in pairs)
        ),
    ),
    max_leaves=6,
)
MODELS = st.sampled_from(
    [
        "openai/gpt-4o", "gpt-4o", "a/b/c", " openai/gpt-4o", "gpt-4o\n", "\u00a0gpt", "", " ", "/", "openai/", "/x",
        "saia:agent:x", "SAIA:assistant:Helper", "saia:flow:", "saia:none:x", "x" * 512, "x" * 513, "\U0001f600" * 512,
        " " + "x" * 512,
    ]
)  # fmt: skip


@st.composite
def objects(draw: st.DrawFn, names: st.SearchStrategy[str], values: st.SearchStrategy[bytes]) -> bytes:
    """An object with the members as they come: also twice, with blanks anywhere, with names that are escaped."""
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        name = draw(strings(names)) if draw(st.integers(0, 5)) == 0 else json.dumps(draw(names)).encode()
        parts.append(b"%b%b%b:%b%b" % (draw(BLANKS), name, draw(BLANKS), draw(BLANKS), draw(values)))
    return b"{%b%b}" % (b",".join(parts), draw(BLANKS))


PLAIN_MESSAGES = st.builds(
    lambda role, content: b'{"role":"%b","content":%b}' % (role, content),
    st.sampled_from([b"user", b"system", b"assistant"]),
    strings(),
)
ODD_MESSAGES = objects(
    st.sampled_from(["role", "content", "name", "tool_calls", "tool_call_id", "refusal", "x"]),
    st.one_of(
        st.sampled_from(
            [
                b'"user"', b'"developer"', b'"tool"', b'"User"', b'[{"type":"text","text":"x"}]', b'["x"]',
                b'[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]', b"[]", b"null",
            ]
        ),
        VALUES,
    ),
)  # fmt: skip
PLAIN_LISTS = st.lists(PLAIN_MESSAGES, min_size=1, max_size=3).map(lambda items: b"[%b]" % b",".join(items))
MESSAGES = st.one_of(
    st.lists(st.one_of(PLAIN_MESSAGES, ODD_MESSAGES), max_size=3).map(lambda items: b"[ %b ]" % b" , ".join(items)),
    PLAIN_MESSAGES,
    VALUES,
)
FLAGS = st.one_of(st.sampled_from([b"true", b"false", b"null", b'"true"', b"1", b"0", b"1.0"]), VALUES)
STREAM_OPTIONS = st.one_of(
    FLAGS.map(lambda raw: b'{"include_usage":%b}' % raw),
    objects(st.sampled_from(["include_usage", "include_obfuscation"]), FLAGS),
    VALUES,
)
TOOLS = st.one_of(
    st.sampled_from(
        [b"[]", b"null", b'[{"type":"function","function":{"name":"f"}}]', b'[{"name":"f"}]', b'[{"type":"function"}]']
    ),
    VALUES,
)
NUMBER = st.one_of(NUMBERS, NUMBERS_IN_QUOTES, VALUES)
MEMBERS: dict[str, st.SearchStrategy[bytes]] = {
    "stream": FLAGS,
    "stream_options": STREAM_OPTIONS,
    "temperature": NUMBER,
    "top_p": NUMBER,
    "max_tokens": NUMBER,
    "max_completion_tokens": NUMBER,
    "frequency_penalty": NUMBER,
    "presence_penalty": NUMBER,
    "stop": st.one_of(strings(), st.just(b'["a","b"]'), VALUES),
    "user": st.one_of(strings(), VALUES),
    "n": NUMBER,
    "seed": NUMBER,
    "tools": TOOLS,
    "tool_choice": st.one_of(st.just(b'"auto"'), VALUES),
    "metadata": VALUES,
    "variables": VALUES,
    "response_format": st.one_of(st.just(b'{"type":"json_object"}'), VALUES),
    "reasoning_effort": VALUES,
    "Model": VALUES,
    "x": VALUES,
}
"""What is read in one go, and some of what is not."""
COMMON = list(MEMBERS)[:10]
_SHARES = st.sampled_from([b"0", b"-0.0", b"1", b"1.0", b"0.5", b"1e-1", b"0.30000000000000004", b"1e-400"])
_COUNTS = st.sampled_from([b"1", b"1.0", b"1e2", b"100", b"4096", b"9007199254740992", b"9007199254740992.4"])
_BOOLEANS = st.sampled_from([b"true", b"false"])
USUAL: dict[str, st.SearchStrategy[bytes]] = {
    "stream": _BOOLEANS,
    "stream_options": st.one_of(st.just(b"{ }"), _BOOLEANS.map(lambda raw: b'{"include_usage": %b}' % raw)),
    **dict.fromkeys(["temperature", "top_p", "frequency_penalty", "presence_penalty"], _SHARES),
    **dict.fromkeys(["max_tokens", "max_completion_tokens"], _COUNTS),
    **dict.fromkeys(["stop", "user"], strings()),
}
"""What nearly all callers send."""


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Mostly right, so that what one member does is not hidden by what another one is refused for."""
    names = draw(st.lists(st.sampled_from(COMMON), max_size=3))
    pairs = [(name, draw(USUAL[name])) for name in names]
    if not draw(st.integers(0, 3)):
        name = draw(st.sampled_from(list(MEMBERS)))
        pairs.append((name, draw(MEMBERS[name])))
    pairs.append(("messages", draw(MESSAGES if not draw(st.integers(0, 3)) else PLAIN_LISTS)))
    if draw(st.integers(0, 19)):
        pairs.append(("model", draw(strings(MODELS)) if not draw(st.integers(0, 3)) else b'"gpt-4o"'))
    if draw(st.integers(0, 9)) == 0:  # a second one: the last counts
        name = draw(st.sampled_from(["model", "messages", *COMMON]))
        pairs.append((name, draw(st.one_of(MEMBERS.get(name, VALUES), VALUES))))
    if draw(st.integers(0, 29)) == 0:
        pairs.append(("user", draw(NO_JSON)))
    members = []
    for name, value in draw(st.permutations(pairs)):
        key = draw(strings(st.just(name))) if draw(st.integers(0, 15)) == 0 else b'"%b"' % name.encode()
        members.append(b"%b%b%b:%b%b%b" % (draw(BLANKS), key, draw(BLANKS), draw(BLANKS), value, draw(BLANKS)))
    around = draw(st.sampled_from([b"", b"", b"", b" ", b"\xef\xbb\xbf", b"\n"]))
    behind = draw(st.sampled_from([b"", b"\n"])) if draw(st.integers(0, 29)) else draw(NO_JSON)
    return b"%b{%b}%b" % (around, b",".join(members), behind)


@given(bodies())
@settings(max_examples=400, deadline=None)
@example(b'{"model":"gpt-4o","messages":[' + b'{"role":"user","content":"x"},' * 20_001 + HELLO[1:] + b"}")
@example(b'{"model":"gpt-4o","messages":[{"role":"user","content":"x","y":' + b"[" * 5000 + b"]" * 5000 + b"}]}")
def test_both_ways_read_the_same(body: bytes) -> None:
    check(body)


@pytest.mark.parametrize("name", [*MEMBERS, "messages", "model"])
def test_both_ways_read_the_same_of_every_value_at_an_edge(name: str) -> None:
    others = [b"true", b"false", b"null", b"{}", b"[]", b'""', b'" "', b'["a"]', b'{"include_usage":null}']
    others += [b'{"include_usage":true,"include_obfuscation":true}', b'{"include_usage":true,"include_usage":false}']
    others += [b'"%b"' % (b"x" * length) for length in (511, 512, 513)]
    for raw in (*EDGES, *(b'"%b"' % edge for edge in EDGES), *others):
        check(body_of(b'"%b":%b' % (name.encode(), raw)))
        check(body_of(b'"stream":true', b'"%b" :\n%b ' % (name.encode(), raw), b'"user":"u"'))


@given(st.sampled_from(list(MEMBERS)), st.data())
@settings(max_examples=400, deadline=None)
def test_both_ways_read_the_same_of_a_single_member(name: str, data: st.DataObject) -> None:
    check(body_of(b'"%b":%b' % (name.encode(), data.draw(st.one_of(MEMBERS[name], NO_JSON)))))


@pytest.mark.parametrize(
    "member",
    [
        b'"stream":true', b'"stream":false', b'"stream_options":{}', b'"stream_options":{"include_usage":true}',
        b'"temperature":0', b'"temperature":2.0', b'"top_p":1', b'"max_tokens":1', b'"max_completion_tokens":8192',
        b'"max_tokens":9007199254740992', b'"frequency_penalty":-2', b'"presence_penalty":2', b'"stop":"END"',
        b'"user":"u-1"', b'"user":""', b'"max_tokens":5,"max_tokens":6', rb'"us\u0065r":"u"', b' "top_p" : 0.5 ',
    ],
)  # fmt: skip
def test_what_is_common_goes_the_plain_way(member: bytes) -> None:
    body = body_of(member)
    found = plain(body)
    assert found is not None
    assert found == slow(body)
    check(body)


@pytest.mark.parametrize(
    "member",
    [
        b'"stream":null', b'"stream":"true"', b'"stream":1', b'"stream_options":null',
        b'"stream_options":{"include_usage":1}', b'"stream_options":{"include_obfuscation":false}',
        b'"temperature":"0.5"', b'"temperature":null', b'"temperature":2.1', b'"temperature":true', b'"max_tokens":0',
        b'"max_tokens":1.5', b'"max_tokens":9007199254740993', b'"max_tokens":1e400', b'"stop":["a"]', b'"stop":null',
        b'"user":null', b'"user":7', b'"n":1', b'"seed":1', b'"tools":[]', b'"metadata":{}', b'"variables":[]',
        b'"Temperature":1', b'"thinking":{}', b'"model":"saia:agent:x"', b'"model":" gpt-4o"', b'"model":null',
        b'"messages":[]', b'"messages":"Hi"', b'"messages":[{"role":"developer","content":"x"}]',
        b'"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]',
        b'"messages":[{"role":"user","content":null}]',
    ],
)  # fmt: skip
def test_all_else_goes_the_other_way(member: bytes) -> None:
    body = body_of(member)
    members = read_members(body)
    before = dict(members)
    assert maybe_plain(body, members) is None
    assert members == before, "the other way finds all members as they were"
    check(body)
