"""Event-stream frames, cut anywhere, written in every way that servers write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portico.wire.sse import DONE, KEEP_ALIVE, Event, FrameTooLarge, SSEDecoder
from tests.calls import takes_time_in_proportion


def read(*pieces: bytes) -> list[Event]:
    decoder = SSEDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def texts(*pieces: bytes) -> list[bytes]:
    return [event.data for event in read(*pieces)]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_ends_a_line(end: bytes) -> None:
    assert texts(b"data: one" + end * 2 + b"data: two" + end * 2) == [b"one", b"two"]


def test_mixed_line_ends_are_read() -> None:
    assert texts(b"data: a\n\r\ndata: b\r\n\ndata: c\r\r") == [b"a", b"b", b"c"]


def test_an_event_with_cr_is_handed_on_at_once_and_its_late_lf_is_not_a_blank_line() -> None:
    decoder = SSEDecoder()
    assert [e.data for e in decoder.feed(b"data: a\r\r")] == [b"a"]
    assert decoder.feed(b"\ndata: b\r") == []
    assert decoder.feed(b"\ndata: c\r\n") == []
    assert [e.data for e in decoder.feed(b"\r\n")] == [b"b\nc"]


def test_several_data_lines_are_joined() -> None:
    assert texts(b"data: {\ndata: }\n\n") == [b"{\n}"]


def test_the_blank_after_the_colon_is_optional_and_only_one_is_taken() -> None:
    assert texts(b"data:x\n\ndata:  y\n\ndata\n\n") == [b"x", b" y", b""]


def test_comments_and_other_fields_are_passed_over() -> None:
    assert texts(KEEP_ALIVE, b": c\nid: 4\nretry: 10\ndata: x\n\n", b"event: ping\n\n", b"id: 5\n\n") == [b"x"]


def test_the_name_of_an_event_is_kept() -> None:
    assert read(b"event: error\ndata: {}\n\n") == [Event(b"{}", b"error")]


def test_a_byte_order_mark_is_passed_over_even_in_pieces() -> None:
    assert texts(b"\xef\xbb\xbfdata: x\n\n") == [b"x"]
    assert texts(b"\xef", b"\xbb", b"\xbf", b"data: x\n\n") == [b"x"]
    assert texts(b"\xef\xbbdata: x\n\n") == []


def test_the_end_needs_no_blank_line() -> None:
    assert texts(b"data: x\n\ndata: y") == [b"x", b"y"]
    assert texts(b"data: y\n") == [b"y"]
    assert texts(b"") == []


def test_done_is_known_with_blanks_around_it() -> None:
    assert [event.done for event in read(DONE, b"data:[DONE]\n\n", b"data:   [DONE]  \n\n", b"data: [DONE]x\n\n")] == [
        True,
        True,
        True,
        False,
    ]


def test_line_separators_of_unicode_are_text() -> None:
    text = "a\u2028b\u0085c\x0bd\x1ce".encode()
    assert texts(b"data: " + text + b"\n\n") == [text]


def test_a_frame_beyond_the_bound_is_refused() -> None:
    decoder = SSEDecoder(max_frame_bytes=100)
    with pytest.raises(FrameTooLarge):
        for _ in range(20):
            decoder.feed(b"data: 12345")
    with pytest.raises(FrameTooLarge):
        SSEDecoder(max_frame_bytes=100).feed(b"data: " + b"x" * 200 + b"\n\n")


def test_a_big_frame_in_small_pieces_takes_linear_time() -> None:
    """Copying all that is held at each piece would take minutes."""
    piece = b"x" * 1000

    def decode(pieces: int) -> None:
        decoder = SSEDecoder()
        decoder.feed(b"data: ")
        for _ in range(pieces):
            decoder.feed(piece)
        (event,) = decoder.feed(b"\n\n")
        assert len(event.data) == 1000 * pieces

    takes_time_in_proportion(decode, 20_000)


ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
TEXT = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream as some server may write it, and the texts that it carries."""
    raw, expected = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])), []
    end = draw(ENDS)
    for lines in draw(st.lists(st.lists(TEXT, min_size=1, max_size=3), max_size=6)):
        for line in lines:
            # With the blank always there the text itself may begin with one.
            raw += draw(st.sampled_from([b"", b": note" + end, b"id: 7" + end]))
            raw += b"data: " + line.encode() + end
        raw += end * draw(st.integers(1, 3))
        expected.append("\n".join(lines).encode())
    return raw, expected


@given(streams())
@settings(max_examples=300, deadline=None)
def test_any_stream_is_the_same_whole_and_byte_by_byte(case: tuple[bytes, list[bytes]]) -> None:
    raw, expected = case
    assert texts(raw) == expected
    assert texts(*(raw[i : i + 1] for i in range(len(raw)))) == expected


@given(streams(), st.data())
@settings(max_examples=200, deadline=None)
def test_any_stream_is_the_same_however_it_is_cut(case: tuple[bytes, list[bytes]], data: st.DataObject) -> None:
    raw, expected = case
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert texts(*pieces) == expected


@given(st.lists(st.binary(max_size=40), max_size=10))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_it_fail(pieces: list[bytes]) -> None:
    whole = texts(b"".join(pieces))
    assert texts(*pieces) == whole


LINES = st.one_of(
    st.tuples(
        st.sampled_from([b"data: ", b"data:", b"event: ", b"event:", b"id: ", b"retry: ", b": ", b":", b" data: "]),
        st.one_of(TEXT.map(str.encode), st.sampled_from([b"", b" ", b": ", b"data: x", b"[DONE]", b"{}"])),
    ).map(b"".join),
    st.sampled_from([b"data", b"event", b"dat", b"data: ", b"event: e", b"\xef\xbb\xbfdata: x", b"", b""]),
)
BLOCKS = st.one_of(
    TEXT.map(lambda text: [b"data: " + text.encode()]),  # the two forms that are read in a way of their own
    st.tuples(TEXT, TEXT).map(lambda pair: [b"event: " + pair[0].encode(), b"data: " + pair[1].encode()]),
    st.lists(LINES, max_size=4),
)


def by_lines(raw: bytes) -> list[Event]:
    """What the specification of event streams says, line by line, with the end of the stream ending its last event."""
    text = raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events: list[Event] = []
    data: list[bytes] = []
    name = b""
    for line in [*text.split(b"\n"), b""]:
        field, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
        elif not line:
            if data:
                events.append(Event(b"\n".join(data), name))
            data, name = [], b""
    return events


@st.composite
def frames(draw: st.DrawFn) -> list[bytes]:
    """Blocks of lines, each with one kind of line end, or with all of them mixed."""
    pieces = [draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"]))]
    for block in draw(st.lists(BLOCKS, max_size=6)):
        ends = draw(st.sampled_from([st.just(b"\n"), st.just(b"\r\n"), st.just(b"\r"), ENDS]))
        pieces.append(b"".join(line + draw(ends) for line in [*block, b""]))
    return pieces


@given(frames(), st.data())
@settings(max_examples=500, deadline=None)
def test_every_kind_of_line_is_read_the_same_however_it_is_cut(pieces: list[bytes], data: st.DataObject) -> None:
    raw = b"".join(pieces)
    expected = by_lines(raw)
    assert read(raw) == expected
    assert read(*pieces) == expected, "one frame a piece, as most servers send them"
    assert read(*(raw[i : i + 1] for i in range(len(raw)))) == expected
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    assert read(*(raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True))) == expected


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_each_single_cut_gives_the_same_events(end: bytes) -> None:
    lines = [b": hi", b"", b"event: delta", b"data: {}", b"", b"data: one", b"", b"id: 7", b"data: two", b"", b""]
    raw = b"data: zero" + end * 2 + end.join(lines) + b"event: last" + end + b"data: [DONE]" + end * 2
    expected = [Event(b"zero"), Event(b"{}", b"delta"), Event(b"one"), Event(b"two"), Event(b"[DONE]", b"last")]
    assert [read(raw[:cut], raw[cut:]) for cut in range(len(raw) + 1)] == [expected] * (len(raw) + 1)


def test_a_whole_frame_behind_a_held_one_or_behind_cr_belongs_to_what_came_before() -> None:
    assert texts(b"data: a\n\n", b"data: b\n", b"data: c\n\n") == [b"a", b"b\nc"]
    assert texts(b"data: a\n\n", b"data: b\r", b"data: c\n\n", b"data: d\n\n") == [b"a", b"b\nc", b"d"]
    assert texts(b"data: a\n\n", b"\n", b"data: b\n\n", b"", b"data: c\n\n") == [b"a", b"b", b"c"]


@pytest.mark.parametrize("frame", [b"data: %b\n\n", b"event: e\ndata: %b\n\n", b"data:%b\r\n\r\n"])
def test_the_bound_is_the_same_for_every_way_of_reading(frame: bytes) -> None:
    room = 100 - len(frame.replace(b"\r", b"").removesuffix(b"\n\n") % b"")
    for pieces in ([b"data: x\n\n", frame % (b"y" * room)], [b"data: x\n\n" + frame % (b"y" * room)]):
        decoder = SSEDecoder(max_frame_bytes=100)
        assert [e.data for piece in pieces for e in decoder.feed(piece)] == [b"x", b"y" * room]
    for pieces in ([b"data: x\n\n", frame % (b"y" * (room + 1))], [b"data: x\n\n" + frame % (b"y" * (room + 1))]):
        decoder = SSEDecoder(max_frame_bytes=100)
        with pytest.raises(FrameTooLarge):
            _ = [decoder.feed(piece) for piece in pieces]
