"""The decoder of Amazon's event stream: any cut, all types of headers, both checksums, bounds; and against botocore."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st
from tests.providers.fakes.aws_event_stream import event, message

from portico.server.errors import ProviderUnknown
from portico.server.providers.bedrock.event_stream import EventStreamDecoder, Message, read_headers
from portico.wire.sse import FrameTooLarge

ALL_TYPES = (
    b"\x01t\x00\x01f\x01\x01b\x02\x07\x01s\x03\x01\x00\x01i\x04\x00\x00\x00\x01\x01l\x05" + bytes(8)
    + b"\x01y\x06\x00\x03abc\x01x\x07\x00\x02hi\x01d\x08" + bytes(8) + b"\x01u\x09" + bytes(16)
)  # fmt: skip
STREAM = [
    event("messageStart", b'{"role":"assistant"}'),
    event("contentBlockDelta", '{"delta":{"text":"日本 😀"},"contentBlockIndex":0}'.encode()),
    event("contentBlockDelta", b'{"delta":{"text":"' + b"x" * 70_000 + b'"},"contentBlockIndex":0}'),
    event("messageStop", b'{"stopReason":"end_turn"}'),
]


def fed(pieces: Sequence[bytes]) -> list[Message]:
    decoder = EventStreamDecoder()
    found = [found for piece in pieces for found in decoder.feed(piece)]
    return found + list(decoder.close())


WHOLE = fed(STREAM)


def test_type_and_payload_of_each_message() -> None:
    assert [found.data.partition(b"\n")[0] for found in WHOLE] == [
        b"messageStart",
        b"contentBlockDelta",
        b"contentBlockDelta",
        b"messageStop",
    ]
    assert WHOLE[1].data.partition(b"\n")[2].decode() == '{"delta":{"text":"日本 😀"},"contentBlockIndex":0}'
    assert not any(found.done for found in WHOLE)


def test_hc12_byte_by_byte() -> None:
    data = b"".join(STREAM)
    assert fed([data[i : i + 1] for i in range(len(data))]) == WHOLE


@given(st.lists(st.integers(1, 400), max_size=40))
def test_hc12_cut_anywhere(sizes: list[int]) -> None:
    data, pieces = b"".join(STREAM), []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    assert fed([*pieces, data]) == WHOLE


def test_our_encoder_and_botocores_decoder_agree() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(STREAM))
    read = [(found.headers[":event-type"], found.payload) for found in buffer]
    assert [b"%b\n%b" % (kind.encode(), payload) for kind, payload in read] == [found.data for found in WHOLE]


def test_headers_of_all_ten_types() -> None:
    assert read_headers(ALL_TYPES) == {"x": "hi"}


@pytest.mark.parametrize("cut", range(1, len(ALL_TYPES)))
def test_headers_cut_short_are_refused_or_whole(cut: int) -> None:
    try:
        assert set(read_headers(ALL_TYPES[:cut])) <= {"x"}
    except ProviderUnknown as error:
        assert "unreadable headers" in error.message


def test_hc13_the_kind_of_an_exception_is_told() -> None:
    headers = {":message-type": "exception", ":exception-type": "throttlingException"}
    (found,) = fed([message(headers, b'{"message":"slow down"}')])
    assert found.data == b'!throttlingException\n{"message":"slow down"}'


def test_an_error_message_has_its_words_in_headers() -> None:
    headers = {":message-type": "error", ":error-code": "InternalError", ":error-message": "went\nwrong"}
    (found,) = fed([message(headers, b"")])
    assert found.data == b"!InternalError: went wrong\n"


@pytest.mark.parametrize("at", range(16))
def test_a_changed_byte_of_the_prelude_is_seen(at: int) -> None:
    data = bytearray(STREAM[0])
    data[at] ^= 0x40
    with pytest.raises(ProviderUnknown, match="damaged"):
        fed([bytes(data)])


def test_a_changed_byte_of_the_payload_is_seen() -> None:
    data = bytearray(STREAM[0])
    data[-8] ^= 1
    with pytest.raises(ProviderUnknown, match="checksum of a message"):
        fed([bytes(data)])


def prelude(total: int, headers: int) -> bytes:
    head = struct.pack(">II", total, headers)
    return head + struct.pack(">I", binascii.crc32(head))


def test_a_message_beyond_bounds_is_refused_before_it_has_come() -> None:
    decoder = EventStreamDecoder(max_message_bytes=1000)
    with pytest.raises(FrameTooLarge):
        decoder.feed(prelude(1001, 0))


@pytest.mark.parametrize(("total", "headers"), [(15, 0), (16, 1), (0, 0), (40, 4_000_000_000)])
def test_impossible_lengths_are_refused(total: int, headers: int) -> None:
    with pytest.raises(ProviderUnknown, match="impossible"):
        fed([prelude(total, headers) + bytes(64)])


def test_an_end_inside_a_message_is_an_error() -> None:
    decoder = EventStreamDecoder()
    assert len(decoder.feed(STREAM[0] + STREAM[1][:20])) == 1
    with pytest.raises(ProviderUnknown, match="inside a message"):
        decoder.close()
