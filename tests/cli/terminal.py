"""A command line on a terminal of its own: keys go in, what the screen got comes out."""

from __future__ import annotations

import codecs
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

_CODE = "import sys; from portico.cli.main import main; sys.exit(main(sys.argv[1:]))"
_STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """One running command on a pseudo terminal."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.master = master
        self.raw = ""
        self.whole = ""
        # A read may end within a character.
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    @property
    def screen(self) -> str:
        """What was shown behind the last text that was expected, without colors and with plain line ends.

        `raw` is the same as it came; `whole` is all that ever came.
        """
        return _STYLE.sub("", self.raw).replace("\r\n", "\n")

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, text: str, deadline_s: float = 60) -> Self:
        """Wait until the screen has shown the text; what came before it is forgotten."""
        end = time.monotonic() + deadline_s
        while text not in self.screen:
            assert time.monotonic() < end, f"{text!r} did not come; there is {self.screen!r}"
            if not self._read(0.1) and self.process.poll() is not None and not self._read(0.1):
                raise AssertionError(f"ended without {text!r}; there is {self.screen!r}")
        self.raw = self.screen.partition(text)[2]
        return self

    def interrupt(self, text: str, deadline_s: float = 60) -> Self:
        """Ctrl-C, once a second, until the screen shows the text: readline does not see one that comes while it is
        busy with keys typed before."""
        end = time.monotonic() + deadline_s
        while text not in self.screen:
            assert time.monotonic() < end, f"{text!r} did not come; there is {self.screen[-300:]!r}"
            self.type("\x03")
            next_one = time.monotonic() + 1
            while text not in self.screen and time.monotonic() < next_one:
                self._read(0.1)
        return self

    def end(self, deadline_s: float = 60) -> int:
        """Read to the end; the result is the exit code."""
        end = time.monotonic() + deadline_s
        while self._read(0.1) or self.process.poll() is None:
            assert time.monotonic() < end, f"still running; there is {self.screen!r}"
        while self._read(0):  # what it wrote last may have come between the look at the screen and that at the process
            pass
        return self.process.wait()

    def _read(self, patience_s: float) -> bool:
        if not select.select([self.master], [], [], patience_s)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # Linux: the other side of the terminal is closed
            return False
        text = self._decode(data)
        self.raw += text
        self.whole += text
        return bool(data)


@contextmanager
def terminal(
    *arguments: str, environ: Mapping[str, str] | None = None, output: Path | None = None
) -> Iterator[Terminal]:
    """The command with these arguments; standard output goes into the file `output`, when one is given."""
    master, slave = pty.openpty()
    out = os.dup(slave) if output is None else os.open(output, os.O_WRONLY | os.O_CREAT, 0o600)
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40", **(environ or {})}
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, *arguments],
        stdin=slave,
        stdout=out,
        stderr=slave,
        env=env,
        start_new_session=True,
        # The terminal becomes the controlling one, so that Ctrl-C typed into it is a signal.
        preexec_fn=_take_terminal,
    )
    os.close(slave)
    os.close(out)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(master)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
