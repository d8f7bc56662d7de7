"""The process that decodes one recording: an order as JSON in its argument, frames of samples on stdout.

It bounds itself before it looks at the file, and with itself the programs that it starts.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import msgspec

from portico.server.retrieval.media.decoders import decode
from portico.server.retrieval.media.sounds import BEGIN, END, FAILED, HEAD, PACKED, SAMPLES, WIDTH, SoundOrder
from portico.server.retrieval.media.wav import Packed
from portico.server.retrieval.parsing.failure import Unreadable


def main(argument: str) -> int:
    order = msgspec.json.decode(argument, type=SoundOrder)
    _bound(order)
    try:
        _answer(order)
    except Packed:
        _say(PACKED, b"")
    except Unreadable as error:
        _say(FAILED, str(error).encode())
    except MemoryError:
        _say(FAILED, b"decoding it takes more memory than one file may have")
    except BrokenPipeError:  # nobody listens any longer
        return 0
    except Exception as error:  # decoders raise what they like at a broken file
        _say(FAILED, f"it is damaged: {type(error).__name__}".encode())
    return 0


def _answer(order: SoundOrder) -> None:
    rate, samples = decode(Path(order.path), order.decoder, is_wav=order.is_wav)
    left = order.longest_s * rate * WIDTH
    _say(BEGIN, str(rate).encode())
    for data in samples:
        if len(data) > left:
            _say(SAMPLES, data[:left])
            _say(END, b"cut")
            return
        left -= len(data)
        _say(SAMPLES, data)
    _say(END, b"")


def _say(what: bytes, payload: bytes) -> None:
    sys.stdout.buffer.write(HEAD.pack(what, len(payload)) + payload)
    sys.stdout.buffer.flush()


def _bound(order: SoundOrder) -> None:
    for what, most in (
        (resource.RLIMIT_AS, order.memory_bytes),
        (resource.RLIMIT_CPU, order.time_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
