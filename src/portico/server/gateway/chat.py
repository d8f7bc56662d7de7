"""Chat completions: a request and who asks it become a provider's answer, whole or chunk by chunk, metered."""

from __future__ import annotations

from collections.abc import Awaitable

import msgspec

from portico.server.access.caller import Caller
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.attachments import bring_files
from portico.server.gateway.chat_cache import Keeping, find_entry, replay
from portico.server.gateway.chat_reserve import worst_of_chat
from portico.server.gateway.chat_stream import ChatStream
from portico.server.gateway.chat_whole import WholeChat
from portico.server.gateway.guardrails import Verdict, guard_answer
from portico.server.gateway.metering import Meter
from portico.server.gateway.requests.kept_texts import keep_texts
from portico.server.gateway.requests.log import RequestLog
from portico.server.gateway.routing import Route
from portico.server.gateway.switchboard import Switchboard
from portico.wire.model_ref import BareModel, DirectModel, ModelRef
from portico.wire.requests import NULL, ChatRequest

_PASSED = Verdict()


class ChatGateway:
    """The chat verb of the switchboard. One per process."""

    def __init__(self, board: Switchboard, request_log: RequestLog | None = None) -> None:
        self._board = board
        self._request_log = request_log

    def answer(self, caller: Caller, request: ChatRequest, request_id: str) -> Awaitable[Answer | Stream]:
        """The whole answer as JSON, or a stream that has begun. Raises an error of our tree before the first byte."""
        answering = self._answer(caller, request, request_id)
        log = self._request_log
        if log is None or not log.enabled:
            return answering
        return keep_texts(log, caller, request, request_id, answering)

    def accepts(self, caller: Caller, ref: ModelRef) -> frozenset[str]:
        """MIME types of what a model takes beside text; none where its entry in the catalogue names none.

        Raises what `Targets.find` raises.
        """
        assert isinstance(ref, DirectModel | BareModel)
        model = self._board.targets.find(ref, "Chat", caller).model
        listed = (capabilities.get("mimeTypes", ()) for capabilities in model.media.values())
        return frozenset(one for types in listed if isinstance(types, tuple) for one in types)

    def takes_tools(self, caller: Caller, ref: ModelRef) -> bool:
        """Whether a model calls functions. Raises what `Targets.find` raises."""
        assert isinstance(ref, DirectModel | BareModel)
        return self._board.targets.find(ref, "Chat", caller).model.tool_calling

    def require_room(self, caller: Caller) -> Awaitable[None]:
        """Before files are read for a request: see `Limits.require_room`."""
        return self._board.limits.require_room(caller)

    async def _answer(self, caller: Caller, request: ChatRequest, request_id: str) -> Answer | Stream:
        board = self._board
        meter = Meter(board.ledger, caller, request_id, "chat", request.stream, labels=request.labels)
        meter.metadata, meter.conversation_id = request.metadata, request.conversation_id or ""
        meter.end_user = _user(request)
        meter.admit()  # not metered: there is no room for its line
        policy, verdict = board.guardrails.of(caller), _PASSED
        if request.assistant is not None:
            meter.assistant, meter.revision = request.assistant.name, request.assistant.revision
            policy = board.guardrails.with_more(caller, request.assistant.guardrails)
        try:
            assert isinstance(request.ref, DirectModel | BareModel)  # the desk has taken all others
            route = board.targets.find(request.ref, "Chat", caller)
            meter.aim_at(route)
            bounds = board.limits.of(caller)
            if bounds is not None:  # before files are fetched: they count as what the caller has sent of them
                worst = worst_of_chat(route, request)
                meter.ticket = bounds.try_take(*worst) or await bounds.take(*worst)
            if request.media:
                await bring_files(request, route, board.fetcher)
            if policy is not None:
                verdict = policy.check_input(request)
            keeping = self._keeping(caller, request, route)
            answer = await self._find_or_ask(request, route, meter, keeping)
            if policy is not None and (request.assistant is None or request.assistant.is_final):
                answer = await guard_answer(policy, verdict, answer)
            elif policy is not None:
                await verdict.settle()
            if isinstance(answer, Answer):
                if keeping is not None:
                    keeping.keep_whole()
                meter.close("completed", 200)
        except BaseException as error:
            verdict.close()
            meter.fail(error)
            raise
        return answer

    async def _find_or_ask(
        self, request: ChatRequest, route: Route, meter: Meter, keeping: Keeping | None
    ) -> Answer | Stream:
        if keeping is not None:
            entry = await find_entry(keeping.cache, keeping.key)
            if entry is not None:
                return replay(entry, request, meter)
            meter.cache = "MISS"
        executor = self._board.executor
        if not request.stream:
            whole = WholeChat(request, meter, self._board.strict)
            answered = await executor.send(route, whole)
            if meter.turn is not None and meter.turn.paused:
                answered = await whole.go_on(answered, executor)
            return whole.finish(answered, executor, keeping)
        stream = ChatStream(executor, request, meter, keeping, self._board.strict)
        return stream.go_on(await executor.send(route, stream))

    def _keeping(self, caller: Caller, request: ChatRequest, route: Route) -> Keeping | None:
        """Where the answer may be kept, and may be found; None: it may not."""
        wanted = request.cache
        if not (self._board.chat_cache if wanted is None else wanted):
            return None
        # with the address: a provider of one's own may move to another model server under the same names
        place = route.choices[0].target.credential.base_url.encode()
        if request.assistant is not None:  # another assistant, or another revision, has answers of its own
            place += f"\0{request.assistant.assistant_id}\0{request.assistant.revision}".encode()
        key = self._board.cache.key_of(caller, route.model, request, place)
        return None if key is None else Keeping(self._board.cache, key, route.model)


def _user(request: ChatRequest) -> str:
    """The member `user`; a text, as the door has checked."""
    raw = request.members.get("user")
    return "" if raw is None or raw == NULL else msgspec.json.decode(raw, type=str)[:256]
