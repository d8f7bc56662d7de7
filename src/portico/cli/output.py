"""Answers to text: JSON, YAML, or a table; rich draws the table on a terminal, plain columns go into a pipe."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from .options import Format, Options
from .yaml_text import to_yaml

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]
Columns = Mapping[str, str | Callable[[Row], object]]

# Between two columns of a table on a terminal; what is left of a description when there is no room at all; and how
# narrow a column may become before a row is better told member by member.
_GAP, _SHORTEST, _NARROWEST = 3, 12, 8

# What a terminal obeys instead of showing: an answer must not move the cursor or retitle the window.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text without what a terminal would obey; tabs and line ends stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def to_json(data: object, *, indent: int | None = 2) -> str:
    """JSON for standard output: every script as it is, but escaped where the locale has no signs for it."""
    encoding = (sys.stdout.encoding or "").lower()
    text = json.dumps(data, indent=indent, ensure_ascii=not encoding.startswith("utf"))
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def chosen_format() -> Format:
    """What `-o` says, else a table on a terminal and JSON in a pipe."""
    return Options.current().output or ("table" if sys.stdout.isatty() else "json")


def emit(
    data: object, *, rows: Iterable[Row] | None = None, columns: Columns | None = None, short: Row | None = None
) -> None:
    """Write an answer to standard output. `rows` and `columns` (title to member) are its form as a table.

    Without rows, the members of `short`, or else of `data`, are shown one below the other.
    """
    match chosen_format():
        case "json":
            click.echo(to_json(data))
        case "yaml":
            click.echo(to_yaml(data), nl=False)
        case "table":
            _emit_table(data if short is None else short, rows, columns)


def _emit_table(data: object, rows: Iterable[Row] | None, columns: Columns | None) -> None:
    if rows is None:
        members = data if isinstance(data, Mapping) else {"": data}
        _draw((), [(str(name), cell(value)) for name, value in members.items()])
        return
    found = list(rows)
    if not found:
        click.echo("none", err=True)
        return
    titles = columns or {name: name for name in found[0]}
    _draw(tuple(titles), [tuple(cell(_value(row, how)) for how in titles.values()) for row in found])


def _value(row: Row, how: str | Callable[[Row], object]) -> object:
    return row.get(how) if isinstance(how, str) else how(row)


def cell(value: object) -> str:
    """One value as a cell of a table."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case str():
            return one_line(value)
        case int():
            return str(value)
        case float():
            # Large amounts to the cent: the short form would round them, and make 1e+06 of a million.
            return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) >= 1000 else f"{value:g}"
        case _:
            return one_line(json.dumps(value, ensure_ascii=False))


def _draw(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    if sys.stdout.isatty():
        _draw_rich(titles, lines)
    else:
        _draw_plain(titles, lines)


def _draw_plain(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    everything = [titles, *lines] if titles else list(lines)
    widths = [max(map(_width, column)) for column in zip(*everything, strict=True)]
    for line in everything:
        padded = (_padded(text, width) for text, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _width(text: str) -> int:
    """The cells of a terminal, or of an editor, that it takes: a Japanese sign takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _draw_rich(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(no_color=not Options.current().color)
    if not titles and _has_long_words(lines, console.width):
        _draw_members(console, lines)
        return
    shown = list(_shortened(titles, lines, console.width))
    if titles and _is_too_narrow([titles, *shown], console.width):
        for number, line in enumerate(lines):
            if number:
                console.print()
            _draw_members(console, list(zip(titles, line, strict=True)))
        return
    table = Table(box=SIMPLE_HEAD if titles else None, show_header=bool(titles), show_edge=False, pad_edge=False)
    # The first column is what one copies into the next command, so it stays in one piece.
    table.add_column(titles[0] if titles else "", style="" if titles else "bold", no_wrap=True)
    for title in titles[1:] or [""]:
        table.add_column(title, overflow="fold")
    for line in shown:
        table.add_row(*(Text(text) for text in line))
    console.print(table)


def _draw_members(console: Console, members: Sequence[Sequence[str]]) -> None:
    """One below the other. A link or a token stays in one piece, to be copied; the terminal alone may break it."""
    from rich.text import Text

    widest = max(_width(name) for name, _ in members)
    for name, value in members:
        console.print(Text.assemble((_padded(name, widest + _GAP), "bold"), value), soft_wrap=True)


def _is_too_narrow(lines: Sequence[Sequence[str]], width: int) -> bool:
    """Whether the columns behind the first one, which keeps its width, have to be folded into strips."""
    first, *others = (max(map(_width, column)) for column in zip(*lines, strict=True))
    least = sum(min(wanted, _NARROWEST) for wanted in others)
    return first + least + _GAP * len(others) > width


def _has_long_words(lines: Sequence[Sequence[str]], width: int) -> bool:
    """Whether members, one below the other, have a word that does not fit beside the names."""
    room = width - max((_width(name) for name, _ in lines), default=0) - _GAP
    return any(_width(word) > room for _, value in lines for word in value.split())


def _shortened(titles: Sequence[str], lines: Sequence[Sequence[str]], width: int) -> Iterable[Sequence[str]]:
    """The lines with descriptions cut to the room that the other columns leave, so that a row stays one line."""
    if "Description" not in titles:
        return lines
    place = titles.index("Description")
    others = (max(_width(line[i]) for line in [titles, *lines]) + _GAP for i in range(len(titles)) if i != place)
    room = max(_SHORTEST, width - sum(others))
    return [[_cut(text, room) if i == place else text for i, text in enumerate(line)] for line in lines]


def _cut(text: str, room: int) -> str:
    """To so many cells of the terminal."""
    if _width(text) <= room:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, room - 1).rstrip() + "…"


def note(text: str) -> None:
    """A remark to the person, on standard error, so that standard output stays the answer."""
    click.echo(one_line(text), err=True)
