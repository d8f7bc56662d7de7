"""Which model transcribes, in which form it is asked, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from portico.server.catalog.entry import Model, Price
from portico.server.errors import InvalidType, MediaNotSupported, ModelNotFound, ProviderRefused
from portico.server.gateway.audio import AudioGateway
from portico.server.retrieval.media.transcribe import PLAIN, SPOKEN, TIMED, Transcriber
from portico.wire.requests import File
from tests.recordings import Ears, said, wav
from tests.server.gateway.gateway_house import CALLER, House, choice_of
from tests.upstream import Upstream, whole

pytestmark = pytest.mark.anyio
WAV = File(wav(b"\0\1" * 4000), "audio/wav", "recording.wav")
BY_SECOND = Price(unit=100_000, unit_of="second")
REFUSED = whole(
    {"error": {"message": "response_format 'verbose_json' is not compatible with model", "param": "response_format"}},
    400,
)


class Targets:
    """A catalogue of audio models; `missing` are the providers without a key."""

    def __init__(self, *names: str, missing: tuple[str, ...] = ()) -> None:
        models = [Model(name, *name.split("/"), "Audio", {}) for name in names]
        self._known = {model.full_name: model for model in models}
        self._missing = dict.fromkeys(missing, "PORTICO_PROVIDER_X_API_KEY")

    def find(self, ref: Any, wanted: str, _: Any) -> Any:
        name = f"{ref.provider}/{ref.name}"
        if name == "openai/gpt-4o":
            raise InvalidType
        if ref.provider == "nobody":
            raise ModelNotFound(name)
        return SimpleNamespace(model=self._known.get(name) or Model(name, ref.provider, ref.name, wanted, {}))  # type: ignore[arg-type]

    def missing_of(self, _: Any) -> dict[str, str]:
        return self._missing

    def catalog_of(self, _: Any) -> Any:
        providers = {model.provider for model in self._known.values()}
        shelves = {
            name: SimpleNamespace(name=name, models=[one for one in self._known.values() if one.provider == name])
            for name in sorted(providers | {"openai"})
        }
        return SimpleNamespace(providers=[*shelves.values()], find_provider=shelves.__getitem__)


def choose(targets: Targets, told: str = "", default: str = "") -> str:
    return Transcriber(None, targets, default).choose(CALLER, told).name  # type: ignore[arg-type]


ALL = ("groq/whisper-large-v3", "openai/gpt-4o-transcribe", "openai/tts-1", "openai/whisper-1")


def test_the_first_one_that_tells_times_is_taken() -> None:
    assert choose(Targets(*ALL)) == "openai/whisper-1"
    assert choose(Targets(*ALL, missing=("openai",))) == "groq/whisper-large-v3"
    assert choose(Targets("openai/gpt-4o-transcribe", "openai/tts-1")) == "openai/gpt-4o-transcribe"


def test_the_setting_goes_before_and_the_document_before_that() -> None:
    assert choose(Targets(*ALL), default="groq/whisper-large-v3") == "groq/whisper-large-v3"
    told = choose(Targets(*ALL), "openai/gpt-4o-transcribe", "groq/whisper-large-v3")
    assert told == "openai/gpt-4o-transcribe"


@pytest.mark.parametrize("told", ["openai/gpt-4o", "openai/unheard-of", "nobody/x", "saia:assistant:x", "a/", "gpt-4o"])
def test_a_model_for_pictures_is_not_asked_to_listen(told: str) -> None:
    assert choose(Targets(*ALL), told) == "openai/whisper-1"


def test_without_a_model_the_settings_are_named() -> None:
    for targets in (Targets(*ALL, missing=("openai", "groq")), Targets("openai/tts-1")):
        with pytest.raises(MediaNotSupported, match=r"_OPENAI_API_KEY.*PORTICO_TRANSCRIPTION_MODEL"):
            choose(targets)


@pytest.mark.parametrize(
    ("name", "form"),
    [("openai/whisper-1", TIMED), ("own/speech", TIMED), ("openai/gpt-4o-mini-transcribe", PLAIN),
     ("openai/gpt-4o-transcribe-diarize", SPOKEN)],
)  # fmt: skip
def test_each_is_asked_in_the_richest_form_it_has(name: str, form: str) -> None:
    chosen = Transcriber(None, Targets(), name).choose(CALLER, "")  # type: ignore[arg-type]
    assert (chosen.form, chosen.tells_times) == (form, form != PLAIN)


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


def asked_by(house: House, name: str = "openai/m") -> Transcriber:
    return Transcriber(AudioGateway(house.board), Targets(), name)  # type: ignore[arg-type]


async def test_the_provider_is_asked_and_the_project_pays(provider: Upstream) -> None:
    ears = provider.script = Ears(said((0.0, 1.0, "Good morning."), duration=8.0))
    async with House(choice_of("m", provider.url, BY_SECOND, kind="Audio")) as house:
        transcriber = asked_by(house)
        chosen = transcriber.choose(CALLER, "")
        answer = await transcriber.write_down(CALLER, chosen, WAV, 8.0)
        await transcriber.write_down(CALLER, chosen, WAV, 8.0)
    assert answer["segments"][0]["text"] == " Good morning."
    assert ears.heard[0]["file"] == ("recording.wav", WAV.data)
    assert ears.heard[0]["response_format"] == ("", b"verbose_json")
    line = house.ledger.lines[0]
    assert (line.operation, line.project_id, line.units) == ("transcription", CALLER.project_id, 8)
    assert chosen.used.cost == pytest.approx(2 * line.cost_picousd / 10**12) and line.cost_picousd > 0


async def test_a_model_without_times_is_asked_again_and_remembered(provider: Upstream) -> None:
    ears = provider.script = Ears(REFUSED, {"text": "Good morning."})
    async with House(choice_of("m", provider.url, BY_SECOND, kind="Audio")) as house:
        transcriber = asked_by(house)
        chosen = transcriber.choose(CALLER, "")
        assert (await transcriber.write_down(CALLER, chosen, WAV, 8.0))["text"] == "Good morning."
        await transcriber.write_down(CALLER, chosen, WAV, 8.0)
        assert not transcriber.choose(CALLER, "").tells_times
    forms = [form["response_format"][1] for form in ears.heard]
    assert forms == [b"verbose_json", b"json", b"json"]
    assert [line.units for line in house.ledger.lines[1:]] == [8, 8], "as long as it is known to be"


async def test_other_refusals_are_told(provider: Upstream) -> None:
    provider.script = Ears(whole({"error": {"message": "Audio file is too short"}}, 400))
    async with House(choice_of("m", provider.url, BY_SECOND, kind="Audio")) as house:
        transcriber = asked_by(house)
        with pytest.raises(ProviderRefused, match="too short"):
            await transcriber.write_down(CALLER, transcriber.choose(CALLER, ""), WAV, 8.0)


async def test_who_speaks_is_asked_of_models_that_tell(provider: Upstream) -> None:
    ears = provider.script = Ears({"text": "Hi", "segments": []})
    async with House(choice_of("m", provider.url, kind="Audio")) as house:
        transcriber = asked_by(house, "openai/gpt-4o-transcribe-diarize")
        await transcriber.write_down(CALLER, transcriber.choose(CALLER, ""), WAV, 8.0)
    assert ears.heard[0]["response_format"][1] == b"diarized_json"
    assert ears.heard[0]["chunking_strategy"][1] == b"auto"
