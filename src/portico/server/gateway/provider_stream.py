"""What all streams out of a provider share: bytes are read as they come, events wait to be taken, the end is metered.

A verb says what it writes, what it makes of one frame, and what it does at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from portico.server.errors import PorticoError, ProviderUnknown
from portico.server.gateway.answers import READY, Stream, tell_answered
from portico.server.gateway.cache import Recorder
from portico.server.gateway.metering import Meter
from portico.server.gateway.routing import Answered, Attempt, Choice, Executor
from portico.server.gateway.routing.executor import NOT_UTF8, hide_secrets
from portico.server.kit.drive import Signal
from portico.server.providers.base import Decoder, Frame, Target
from portico.server.providers.http1 import Reply
from portico.wire.sse import FrameTooLarge


class ProviderStream(Attempt[None], Stream):
    """An answer being streamed, once `go_on` was called. `_ready` holds what waits to be taken, `_recorder` listens."""

    _decoder: Decoder

    def __init__(self, executor: Executor, meter: Meter, request_bytes: int) -> None:
        self._executor = executor
        self._meter = meter
        self._request_bytes = request_bytes
        self._ready: list[bytes] = []
        self._ended = False
        self._broken: PorticoError | None = None
        self._closed = False
        self._answered: Answered[None] | None = None
        self._recorder: Recorder | None = None
        self._met_first = False

    @property
    def _begun(self) -> bool:
        """Whether there is output: what breaks before it may be tried elsewhere, what breaks behind it may not."""
        return bool(self._ready)

    def _take_frames(self, target: Target, frames: Sequence[Frame], *, last: bool) -> None:
        """Frames of the provider to what waits in `_ready`; `last`: there will be no more."""
        raise NotImplementedError

    def _keep(self) -> None:
        """What is to be kept of an answer that has reached its end."""

    async def begin(self, choice: Choice, reply: Reply) -> None:
        """Reads up to the first output, so that an error before it can still be tried elsewhere (HC-13)."""
        while not self._begun and not self._ended:
            self._read(choice.target, reply)
            if not self._begun and not self._ended:
                await reply.more()

    def leave(self, choice: Choice) -> None:
        self._meter.leave(choice, self._request_bytes)

    def _go_on(self, answered: Answered[None]) -> None:
        """A target has begun to answer."""
        self._answered = answered
        self.headers = tell_answered(self._meter, answered)
        self.cache = self._meter.cache

    def take(self) -> Sequence[bytes] | None:
        answered = self._answered
        assert answered is not None
        if not self._ready and not self._ended and self._broken is None:
            self._read(answered.choice.target, answered.reply)
        if not self._ready:
            if self._broken is not None:
                raise self._broken
            return None if self._ended else ()
        ready, self._ready = self._ready, []
        if not self._met_first:  # here, too: a call for each piece of a stream is too many
            self._met_first = True
            self._meter.mark_first_byte()
        if self._recorder is not None:
            for event in ready:
                self._recorder.feed(event)
        return ready

    def more(self) -> Signal:
        answered = self._answered
        assert answered is not None
        if self._ready or self._ended or self._broken is not None:
            return READY  # the provider may keep silent behind its last word
        return answered.reply.more()

    def close(self, error: BaseException | None = None) -> None:
        """Gives the provider's connection back or cuts it, and writes the usage line."""
        if self._closed:
            return
        self._closed = True
        if self._answered is not None:
            self._executor.end(self._answered, finished=self._ended)
        self._meter.estimate(self._request_bytes)
        if error is None:
            self._keep()
            self._meter.close("completed", 200)
        else:
            self._meter.fail(error)

    def _read(self, target: Target, reply: Reply) -> None:
        data = reply.take()
        if data == b"":
            return
        try:
            frames = self._decoder.close() if data is None else self._decoder.feed(data)
            self._take_frames(target, frames, last=data is None)
        except FrameTooLarge as error:
            self._break(ProviderUnknown(f"the provider's stream is unreadable: {error}"))
        except UnicodeDecodeError:
            self._break(ProviderUnknown(NOT_UTF8))
        except PorticoError as error:
            self._break(error)

    def _break(self, error: PorticoError) -> None:
        if self._answered is not None:
            hide_secrets(error, self._answered.choice)
        if not self._begun:
            raise error
        self._broken = error  # what came before it in the same bytes goes out first
