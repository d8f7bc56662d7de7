"""What a file is called, and what it is; and how a reference becomes words."""

from __future__ import annotations

from typing import Any

import pytest

from portico.server.assistants.files.markers import named_in, replace_markers
from portico.server.assistants.files.names import media_type_of, read_folder, read_name
from portico.server.assistants.files.refusals import DocumentNameMissing
from portico.server.errors import OutOfRange, PatternMismatch


@pytest.mark.parametrize(
    ("asked", "sent", "name"),
    [
        ("", "a.PDF", ("a", "pdf")),
        ("b", "a.pdf", ("b", "pdf")),
        ("b.docx", "a.pdf", ("b", "docx")),
        ("v1.2", "a.pdf", ("v1.2", "pdf")),
        ("..", "a.pdf", ("a", "pdf")),
        ("a\0b\u202efdp.exe", "", ("abfdp", "exe")),
        ("e\u0301.txt", "", ("\u00e9", "txt")),
    ],
)
def test_name_and_extension(asked: str, sent: str, name: tuple[str, str]) -> None:
    assert read_name(asked, sent) == name


def test_names_without_end_or_none_at_all() -> None:
    with pytest.raises(OutOfRange):
        read_name("a" * 256, "")
    with pytest.raises(DocumentNameMissing):
        read_name("  ", "/")


def test_folders() -> None:
    assert read_folder(" /legal/2026/ ") == "legal/2026"
    assert read_folder("/") == ""
    for bad in ("a/../b", "a\nb", "a//b"):
        with pytest.raises(PatternMismatch):
            read_folder(bad)


@pytest.mark.parametrize(
    ("declared", "extension", "head", "found"),
    [
        ("text/plain", "pdf", b"x", "application/pdf"),
        ("text/plain", "txt", b"%PDF-1", "application/pdf"),
        ("application/x-odd; a=b", "", b"\0", "application/x-odd"),
        (None, "", b"", "application/octet-stream"),
        (None, "", "niño".encode(), "text/plain"),
    ],
)
def test_the_media_type(declared: str | None, extension: str, head: bytes, found: str) -> None:
    assert media_type_of(declared, extension, head) == found


def test_references_are_found_in_what_users_and_prompts_say() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "{file:a}"},
        {"role": "assistant", "content": "{file:never}"},
        {"role": "user", "content": [{"type": "text", "text": "{file: b c } {file:a} {file:*}"}]},
    ]
    assert named_in(messages) == ["a", "b c", "*"]
    assert named_in([{"role": "user", "content": "{file:} {file} {file:a{b}}"}]) == []


@pytest.mark.parametrize(
    "spec",
    [">20", "<8", "^10", "*^10", "=+8d", "0>5", ">10.3f", ".2f", ".3", "10.1%", "+.1e", ",", "12,", ",d", ".20s"],
)
def test_how_python_formats_a_value_is_no_reference(spec: str) -> None:
    program = f"print(f'{{file:{spec}}}')"
    format(0.5 if "s" not in spec and "d" not in spec else "text" if "s" in spec else 5, spec)
    assert named_in([{"role": "system", "content": program}]) == []


@pytest.mark.parametrize(
    "name", ["d", "f", "2026", "2.5", "10,2", "a.2f", ".env", "v1.2", "a > b", "Q1 <draft>", "c++"]
)
def test_what_may_be_a_name_is_one(name: str) -> None:
    assert named_in([{"role": "user", "content": f"{{file:{name}}}"}]) == [name]


def test_words_stand_once_and_are_not_read_again() -> None:
    """What a file says is no reference, whatever it says."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "{file:a}"},
        {"role": "user", "content": "{file:a} {file:b}"},
    ]
    part = {"type": "file"}
    replace_markers(messages, {"a": "[says {file:b}]", "b": "B"}, {"a": [part]})
    assert messages[0]["content"] == "[says {file:b}]"
    assert messages[1]["content"] == [{"type": "text", "text": "[file a, as above] B"}, part]
