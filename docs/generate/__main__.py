"""`python -m docs.generate [--check]`."""

import sys

from docs.generate import stale_pages


def main() -> int:
    """0 when all pages are (or were made) current, 1 when `--check` found one that is not."""
    stale = stale_pages()
    if "--check" not in sys.argv[1:]:
        for path, text in stale.items():
            path.write_text(text)
        return 0
    for path in stale:
        sys.stderr.write(f"{path.name} is not current; run `python -m docs.generate`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
