"""What a project checks of what goes to its models and of what comes back. An API of our own: `/v2/guardrails`."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType, field

from portico.wire.tolerant import Shape

Guardrail = Literal["prompt-injection-guardrail", "input-moderation-guardrail", "llm-output-guardrail"]
PiiKind = Literal[
    "email", "phone", "credit_card", "iban", "us_ssn", "ip_address", "es_dni", "br_cpf", "br_cnpj", "ar_cuit", "cl_rut",
    "access_key", "private_key",
]  # fmt: skip
Side = Literal["input", "output"]
NAMES: tuple[Guardrail, ...] = ("prompt-injection-guardrail", "input-moderation-guardrail", "llm-output-guardrail")


class DenyWords(Shape):
    """Words and phrases that block, on either side; case, accents and width do not matter."""

    input: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)


class PiiRule(Shape):
    """One kind of personal data, what is done when it is found, and where it is looked for."""

    kind: PiiKind
    action: Literal["block", "mask"] = "mask"
    on: list[Side] = field(default_factory=lambda: ["input", "output"])


class Moderation(Shape, rename="camel"):
    """An OpenAI-compatible moderation endpoint: `POST {base_url}/moderations`.

    `categories` gives a threshold (0 to 1) of its own to a category; without any, what the endpoint flags is blocked,
    and with a `threshold` every category that reaches it. `api_key` is never shown: `***` stands for one that is set.
    """

    base_url: str
    api_key: str | UnsetType = UNSET
    model: str = ""
    categories: dict[str, float] = field(default_factory=dict)
    threshold: float | None = None
    on: list[Side] = field(default_factory=lambda: ["input"])
    timeout_s: float = 10.0


class StreamMode(Shape, rename="camel"):
    """How a streamed answer is checked: `buffer` holds it back whole, `window` its last characters."""

    mode: Literal["buffer", "window"] = "buffer"
    window_characters: int = 256


class GuardrailSettings(Shape, rename="camel"):
    """Body and answer of `/v2/guardrails`. `guardrails` names those that are on."""

    guardrails: list[Guardrail] = field(default_factory=list)
    injection_threshold: float = 0.7
    deny_words: DenyWords = field(default_factory=DenyWords)
    pii: list[PiiRule] = field(default_factory=list)
    moderation: Moderation | None = None
    fail_closed: bool = False
    stream: StreamMode = field(default_factory=StreamMode)
