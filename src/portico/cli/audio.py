"""`portico audio`: texts into recordings, recordings into texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .groups import Command, Group
from .inputs import read_message
from .made_files import find_model, free_names, model_option, out_option, save_file
from .options import Options
from .output import emit, printable

_FORMATS = ["mp3", "wav", "opus", "aac", "flac", "pcm"]
_ENDINGS = {f".{name}": name for name in _FORMATS} | {".ogg": "opus"}
_WRITTEN = ["text", "json", "verbose_json", "srt", "vtt"]


@click.group(
    cls=Group, examples=['portico audio speak "Good morning" -o morning.mp3', "portico audio transcribe talk.mp3"]
)
def audio() -> None:
    """Have texts spoken, and recordings written down."""


@audio.command(
    cls=Command,
    writes_file=True,
    examples=[
        'portico audio speak "Good morning" -o morning.mp3',
        "portico audio speak @letter.txt --voice nova --model openai/gpt-4o-mini-tts -o letter.wav",
        "echo Done | portico audio speak - -o - | mpv -",
    ],
)
@click.argument("text", nargs=-1, required=True)
@model_option("Audio", "PORTICO_SPEECH_MODEL")
@out_option("File to write; its ending tells the format. Default: speech.mp3, or a free name like it")
@click.option("--voice", metavar="NAME", default="alloy", show_default=True, help="Who speaks; the model has a list.")
@click.option("--format", "response_format", type=click.Choice(_FORMATS), help="Format, when the ending tells none.")
@click.option("--speed", type=click.FloatRange(0.25, 4), metavar="NUMBER", help="1 is as usual.")
@click.option("--instructions", metavar="TEXT", help="How it shall be spoken, where the model listens to it.")
def speak(
    text: tuple[str, ...], model: str | None, out: Path | None, voice: str, response_format: str | None, **options: Any
) -> None:
    """Have TEXT spoken; @file and - (standard input) are read."""
    from portico.sdk.managers.base import read
    from portico.sdk.media import Speech

    from .remote import opened

    words = read_message(text)
    wanted = response_format or _ENDINGS.get(out.suffix.lower() if out else "", "mp3")
    with opened() as remote:
        name = find_model(remote, "Audio", model, lambda name: "tts" in name or "speech" in name)
        answer = remote.run(
            remote.audio.text_to_speech(name, words, voice, response_format=wanted, **options)  # type: ignore[arg-type]
        )
        path = next(free_names(out, f"speech.{wanted}"))
        made = save_file(remote, remote.audio, read(Speech, answer), path)
    if made["file"] != "-":
        emit(made | {name: answer[name] for name in ("usage", "requestId") if name in answer}, short=made)


@audio.command(
    cls=Command,
    examples=[
        "portico audio transcribe talk.mp3",
        "portico audio transcribe --language en --format srt film.mp4 > film.srt",
    ],
)
@click.argument("recording", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@model_option("Audio", "PORTICO_TRANSCRIPTION_MODEL")
@click.option("--language", metavar="CODE", help="What is spoken: en, es, ja ...")
@click.option("--prompt", metavar="TEXT", help="Names and words that will come up.")
@click.option(
    "--format", "written", type=click.Choice(_WRITTEN), default="text", show_default=True, help="Form of the text."
)
def transcribe(recording: Path, model: str | None, written: str, **options: Any) -> None:
    """Write down what is said in RECORDING. Plain text, also in a pipe; -o json gives the server's answer."""
    from portico.sdk.managers.audio import recording as as_form_file

    from .remote import opened

    file = as_form_file(recording)
    asked: Any = "json" if written == "text" else written
    with opened() as remote:
        name = find_model(remote, "Audio", model, lambda name: "transcribe" in name or "whisper" in name)
        answer = remote.run(remote.audio.transcribe(name, file, response_format=asked, **options))
    if Options.current().output in ("json", "yaml") or written in ("json", "verbose_json"):
        emit(answer)
    else:
        click.echo(printable(str(answer.get("text", ""))).rstrip("\n"))
