"""`python -m portico` is the command line."""

from portico.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
