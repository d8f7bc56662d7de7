"""How far a transfer is: told on standard error only, as lines in a log, as a bar on a terminal."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from portico.cli.paging import paging_options
from portico.cli.progress import read_pieces, transfer


def test_a_long_transfer_says_every_tenth_once(capsys: pytest.CaptureFixture[str]) -> None:
    with transfer("film.mp4", 20_000_000) as advance:
        for _ in range(200):
            advance(100_000)

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"film.mp4: {tenth * 10}% of 20 MB" for tenth in range(1, 11)]


@pytest.mark.parametrize("size", [5_000_000, 0, None])
def test_a_short_one_and_one_of_unknown_size_say_nothing(size: int | None, capsys: pytest.CaptureFixture[str]) -> None:
    with transfer("a.txt", size) as advance:
        advance(5_000_000)

    assert capsys.readouterr() == ("", "")


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "big.bin"
    file.write_bytes(bytes(range(256)) * 4000)

    assert b"".join(read_pieces(file)) == file.read_bytes()


@pytest.mark.parametrize(
    ("words", "limit"), [([], 100), (["--limit", "7"], 7), (["--all"], None), (["--limit", "7", "--all"], "usage")]
)
def test_limit_and_all(words: list[str], limit: int | str | None) -> None:
    seen: list[int | None] = []

    @click.command()
    @paging_options
    def listing(limit: int | None) -> None:
        seen.append(limit)

    if limit == "usage":
        with pytest.raises(click.UsageError, match="different things"):
            listing.main(words, standalone_mode=False)
    else:
        listing.main(words, standalone_mode=False)
        assert seen == [limit]
