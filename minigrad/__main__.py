"""`python -m minigrad` is the `minigrad` command.

Room: the entry point, nothing else.
"""

from minigrad.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
