"""The script `portico`, and `python -m portico`: the command line, with Ctrl-C answered from its first import on."""

import sys


def main() -> int:
    """The exit code of one command line. Imports stand inside: most of the time of a short command goes into them."""
    try:
        from portico.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return tell_interrupted()


def tell_interrupted() -> int:
    """One line for whoever has ended a command; the exit code."""
    if sys.stderr is not None:
        # On a terminal the cursor stands behind ^C, or behind half an answer.
        sys.stderr.write("\ninterrupted\n" if sys.stderr.isatty() else "interrupted\n")
        sys.stderr.flush()
    return 130


if __name__ == "__main__":
    raise SystemExit(main())
