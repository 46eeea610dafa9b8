"""The `tournee` command."""

from __future__ import annotations


def main() -> None:
    from tournee.cli.app import run

    run()


if __name__ == "__main__":
    main()
