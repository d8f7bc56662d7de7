"""Words of a command line to texts and values."""

from __future__ import annotations

import io
from pathlib import Path

import click
import pytest

from portico.cli.inputs import read_json, read_message, read_pairs, read_word


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_words_are_joined_with_blanks() -> None:
    assert read_message(["Name", "three", "rivers"]) == "Name three rivers"


def test_a_dash_is_standard_input_and_a_paragraph_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, "línea\n".encode())

    assert read_message(["Translate:", "-"]) == "Translate:\n\nlínea\n"


def test_an_at_sign_reads_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("content")

    assert read_message([f"@{tmp_path}/a.txt"]) == "content"


def test_two_at_signs_are_one() -> None:
    assert read_word("@@home") == "@home"


def test_a_missing_file_is_a_usage_error_that_names_it() -> None:
    with pytest.raises(click.UsageError, match=r"cannot read nowhere\.txt: No such file"):
        read_word("@nowhere.txt")


def test_only_who_wrote_an_at_sign_is_told_of_two() -> None:
    with pytest.raises(click.UsageError, match="with two: @@nowhere") as told:
        read_word("@nowhere")
    with pytest.raises(click.UsageError) as silent:
        read_json("nowhere", "--json-schema")

    assert "@@" in told.value.message
    assert silent.value.message == "cannot read nowhere: No such file or directory"


def test_input_that_is_not_utf8_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b"\xff\xfe")

    with pytest.raises(click.UsageError, match="standard input is not UTF-8"):
        read_word("-")


@pytest.mark.parametrize("prefix", ["", "@"])
def test_json_comes_from_a_file_with_or_without_at_sign(tmp_path: Path, prefix: str) -> None:
    (tmp_path / "s.json").write_text('{"type": "object"}')

    assert read_json(f"{prefix}{tmp_path}/s.json", "--json-schema") == {"type": "object"}


def test_json_comes_as_it_is() -> None:
    assert read_json(' {"a": 1}', "--json-schema") == {"a": 1}


def test_bad_json_names_the_option() -> None:
    with pytest.raises(click.UsageError, match="--json-schema: not valid JSON"):
        read_json('{"a": ', "--json-schema")


def test_pairs_keep_further_equal_signs() -> None:
    assert read_pairs(["a=1", "b=c=d", "empty="], "--var") == {"a": "1", "b": "c=d", "empty": ""}


@pytest.mark.parametrize("pair", ["novalue", "=x"])
def test_a_pair_without_key_or_equal_sign_is_a_usage_error(pair: str) -> None:
    with pytest.raises(click.UsageError, match="write key=value"):
        read_pairs([pair], "--var")
