"""Arguments to text and values: standard input as `-`, files as `@file`, JSON from either, key=value pairs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click


def confirm(question: str) -> None:
    """Ask before what cannot be undone. Raises Abort for a no, UsageError where nobody is there to answer."""
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo(err=True)  # the question has no line end
        raise click.UsageError("nobody is there to answer; say --yes") from None
    if not agreed:
        raise click.Abort


def read_stdin() -> str:
    """All of standard input as UTF-8; what is not UTF-8 is a usage error."""
    return _decode(sys.stdin.buffer.read(), "standard input")


def read_file(name: str, advice: str = "") -> str:
    """A file as UTF-8. Raises a usage error, with the advice behind it."""
    try:
        return _decode(Path(name).expanduser().read_bytes(), name)
    except OSError as error:
        raise click.UsageError(f"cannot read {name}: {error.strerror}{advice}") from None


def read_word(word: str) -> str:
    """One argument as text: `-` is standard input, `@file` a file, `@@text` the text `@text`."""
    if word == "-":
        return read_stdin()
    if word.startswith("@@"):
        return word[1:]
    if not word.startswith("@") or len(word) == 1:
        return word
    return read_file(word[1:], f". A text that begins with @ is written with two: @{word}")


def read_message(words: Sequence[str]) -> str:
    """The words of a command line as one text; a file or standard input among them is a paragraph of its own."""
    text = ""
    for word in words:
        whole = word == "-" or (word.startswith("@") and not word.startswith("@@") and len(word) > 1)
        part = read_word(word)
        text += part if not text else ("\n\n" if whole else " ") + part
    return text


def read_json(argument: str, option: str) -> Any:
    """JSON given as it is, as a file name (with or without @) or as `-`; raises a usage error naming the option."""
    if argument.lstrip()[:1] in ("{", "["):
        text = argument
    else:
        text = read_stdin() if argument == "-" else read_file(argument.removeprefix("@"))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise click.UsageError(f"{option}: not valid JSON: {error}") from None


def read_pairs(pairs: Iterable[str], option: str) -> dict[str, str]:
    """`key=value` pairs; a value may be `@file`."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise click.UsageError(f"{option} {pair}: write key=value")
        found[key] = read_word(value) if value.startswith("@") else value
    return found


def _decode(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.UsageError(f"{where} is not UTF-8 text") from None
