"""What one project has switched on, ready to be asked: requests are checked, and guards made for answers.

Offline checks are done at once; a moderation endpoint is asked in a task that runs beside the model call.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from portico.server.errors import GuardrailBlocked, PorticoError
from portico.server.gateway.guardrails.injection import Finding, maybe_finding
from portico.server.gateway.guardrails.messages import mask_messages, read_texts
from portico.server.gateway.guardrails.moderation import Moderator, explain
from portico.server.gateway.guardrails.output import OutputGuard, TextRules
from portico.server.gateway.guardrails.rules import CATEGORIES, CONTENT
from portico.server.gateway.guardrails.words import DenyWords
from portico.server.kit.hashing import keyed_hash
from portico.wire.guardrails import GuardrailSettings, PiiRule, Side
from portico.wire.requests import ChatRequest

_log = logging.getLogger("portico.guardrails")
_SECRETS = (PiiRule(kind="private_key", action="block"), PiiRule(kind="access_key", action="mask"))
"""What the output guardrail looks for when a project has named no kinds of its own."""
_Check = asyncio.Task[GuardrailBlocked | None]


@dataclass(slots=True)
class Verdict:
    """What the checks at once have let through, and the one that is still running, if there is one.

    `await settle()` before anything of the answer is released; `close()` whenever the request ends otherwise.
    """

    pending: _Check | None = None

    async def settle(self) -> None:
        """Waits for the check. Raises GuardrailBlocked. May be driven (kit/drive.py)."""
        if self.pending is not None:
            refused = await self.pending
            self.pending = None
            if refused is not None:
                raise refused

    def raise_refusal(self) -> None:
        """Raises GuardrailBlocked when the check has ended and blocks."""
        pending = self.pending
        if pending is not None and pending.done() and not pending.cancelled():
            refused = pending.result()
            if refused is not None:
                raise refused

    @property
    def refused(self) -> bool:
        """Whether the check has ended and blocks: the model call may be cancelled at once."""
        pending = self.pending
        return pending is not None and pending.done() and not pending.cancelled() and pending.result() is not None

    def close(self) -> None:
        if self.pending is not None:
            self.pending.cancel()
            self.pending = None


class Policy:
    """The guardrails of one project. `fingerprint` changes with them: answers given under others are not reused."""

    def __init__(self, project: str, settings: GuardrailSettings, moderator: Moderator | None) -> None:
        on = frozenset(settings.guardrails)
        self._project = project
        self._settings = settings
        self._moderator = moderator
        self._injection = "prompt-injection-guardrail" in on
        self._moderation = "input-moderation-guardrail" in on
        self._output = "llm-output-guardrail" in on
        self._input_rules = self._text_rules("input")
        self._output_rules = self._text_rules("output")
        self.fingerprint = keyed_hash(b"guardrails", repr(settings))

    @property
    def is_on(self) -> bool:
        return self._injection or self._moderation or self._output

    def check_input(self, request: ChatRequest) -> Verdict:
        """Checks what the user and the tools say; masks personal data in `request.members` where that is asked for.

        Raises GuardrailBlocked at once for what the offline checks find.
        """
        use = request.assistant
        texts = read_texts(request.members) if use is None or use.said is None else list(use.said)
        if use is not None:  # the values of variables are somebody's words, too, though they stand in its prompt
            texts += request.options.variables.values()
        if self._injection or self._moderation:
            categories = CATEGORIES if self._injection else CONTENT
            for text in texts:
                self._refuse_if(maybe_finding(text, self._settings.injection_threshold, categories))
        if not self._moderation:
            return Verdict()
        if self._input_rules:
            mask_messages(request.members, self._mask, prompt=use is not None and use.is_filled)
        return Verdict(self._ask("input", "\n\n".join(texts)))

    def output(self) -> OutputGuard | None:
        """A guard for one text of an answer; None when answers are not checked."""
        if not self._output:
            return None
        window = None if self.buffers else self._settings.stream.window_characters
        return OutputGuard(self._output_rules, window, self.note)

    def mask_answer(self, text: str) -> str:
        """A whole text of an answer as it may go out. Raises GuardrailBlocked."""
        guard = self.output()
        return text if guard is None else guard.feed(text) + guard.finish()

    @property
    def buffers(self) -> bool:
        """Whether a streamed answer is held back until it has been checked as a whole."""
        return self._output and (self._settings.stream.mode == "buffer" or self._moderates("output"))

    def check_answer(self, text: str) -> Verdict:
        """Asks the moderation endpoint about an answer, where that is asked for; the offline checks are `output()`s."""
        return Verdict(self._ask("output", text) if self._output else None)

    def _mask(self, text: str) -> str:
        guard = OutputGuard(self._input_rules, None, self.note)
        guard.feed(text)
        return guard.finish()

    def _text_rules(self, side: Side) -> TextRules:
        words = self._settings.deny_words
        pii = [rule for rule in self._settings.pii if side in rule.on]
        if side == "output" and not self._settings.pii:
            pii = list(_SECRETS)
        return TextRules(DenyWords(words.input if side == "input" else words.output), pii)

    def _moderates(self, side: Side) -> bool:
        moderation = self._settings.moderation
        return self._moderator is not None and moderation is not None and side in moderation.on

    def _ask(self, side: Side, text: str) -> _Check | None:
        if not self._moderates(side) or not text.strip():
            return None
        return asyncio.get_running_loop().create_task(self._moderate(text))

    async def _moderate(self, text: str) -> GuardrailBlocked | None:
        """The refusal as a value: a task that nobody awaits any more must not complain."""
        assert self._moderator is not None
        try:
            finding = await self._moderator.ask(text)
        except (PorticoError, TimeoutError, OSError) as error:
            closed = self._settings.fail_closed
            _log.warning(
                "project %s: the moderation endpoint failed, the request goes %s: %s",
                self._project, "no further" if closed else "on", explain(error),
            )  # fmt: skip
            return GuardrailBlocked("Moderation failed", 1.0) if closed else None
        return None if finding is None else self.note(GuardrailBlocked(finding.category, finding.score))

    def _refuse_if(self, finding: Finding | None) -> None:
        if finding is not None:
            raise self.note(GuardrailBlocked(finding.category, finding.score))

    def note(self, refused: GuardrailBlocked) -> GuardrailBlocked:
        """Logs category and score of a block, never the text; gives it back to be raised."""
        _log.warning(
            "project %s: blocked by guardrails: %s, score %.2f", self._project, refused.category, refused.score
        )
        return refused
