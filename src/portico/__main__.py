"""The script `portico`, and `python -m portico`: the command line, with Ctrl-C answered from its first import on."""

import sys


def main() -> int:
    """The exit code of one command line. Imports stand inside: most of the time of a short command goes into them."""
    try:
        from portico.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        if sys.stderr is not None:
            # On a terminal the cursor stands behind ^C.
            sys.stderr.write("\ninterrupted\n" if sys.stderr.isatty() else "interrupted\n")
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
