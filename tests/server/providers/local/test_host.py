"""What the host can carry, and the two refusals that depend on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from portico.server.providers.local import host, llama_child
from portico.server.providers.local.child import Orders

ORDERS = Orders(model="m", key="k", files=("f",), sha256=("",), context=1, slots=1, queue=1, threads=1, memory_bytes=1)


def test_free_memory_is_less_than_all() -> None:
    free, total = host.maybe_free_memory(), host.maybe_total_memory()
    assert free is not None and total is not None
    assert 0 < free < total


@pytest.mark.parametrize(
    ("flags", "lacks"), [("fpu sse4_2 avx avx2 bmi2", False), ("fpu sse4_2 avx", True), ("", False)]
)
def test_avx2_is_looked_for_among_the_flags(monkeypatch: pytest.MonkeyPatch, flags: str, lacks: bool) -> None:
    monkeypatch.setattr(host.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(Path, "read_text", lambda _: f"processor : 0\nflags\t\t: {flags}\n" if flags else "")
    assert host.lacks_avx2() is lacks


def test_other_processors_need_no_avx2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.platform, "machine", lambda: "aarch64")
    assert not host.lacks_avx2()


def test_without_avx2_the_chat_child_says_so_and_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(llama_child, "lacks_avx2", lambda: True)
    for name, value in ORDERS.environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        llama_child.main()
    assert "need a processor with AVX2" in capsys.readouterr().err


def test_orders_survive_the_environment() -> None:
    assert Orders.read(ORDERS.environment()) == ORDERS
