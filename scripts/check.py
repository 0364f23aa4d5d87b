"""`make check` and `make fix`: everything that can be said about the code without running the tests.

The rule kept: a check changes nothing, every check is run even when one fails, and the last line says which failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable

# Started as modules, because the scripts an environment holds break when its folder is moved or has a space in its name.
CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("style", ("-m", "ruff", "check", ".")),
    ("layout", ("-m", "ruff", "format", "--check", ".")),
    ("types", ("-m", "mypy", "safety", "scripts", "config.py", "wsgi.py")),
    (
        "import rules",
        ("-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-logo"),
    ),
    ("templates", ("-m", "djlint", "--lint", "--quiet", "safety/templates")),
    ("diagram", ("-m", "scripts.draw_states", "--check")),
    ("vendored files", ("-m", "scripts.vendor_govuk", "--check")),
    ("migrations", ("-m", "scripts.probe_migrations")),
)
FIXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("style", ("-m", "ruff", "check", "--fix", "--exit-zero", "--quiet", ".")),
    ("layout", ("-m", "ruff", "format", ".")),
    ("diagram", ("-m", "scripts.draw_states")),
)


def run(name: str, words: tuple[str, ...]) -> bool:
    """Run one check or fix and show what it says; whether all was well."""
    begun = time.monotonic()
    done = subprocess.run(
        [PYTHON, *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    well = done.returncode == 0
    print(f"{'ok    ' if well else 'FAILED'} {name} ({time.monotonic() - begun:.1f} s)", flush=True)
    if not well:
        print(done.stdout.rstrip() + "\n", flush=True)
    return well


def main() -> int:
    """Run the checks, or with --fix what can be mended. 0: all is well; 1: something is not."""
    parser = argparse.ArgumentParser(description="Every check but the tests.")
    parser.add_argument("--fix", action="store_true", help="mend what a program can mend")
    parser.add_argument("only", nargs="*", help="names of the checks to run; all when none is given")
    wanted = parser.parse_args()
    steps = [
        (name, words)
        for name, words in (FIXES if wanted.fix else CHECKS)
        if name in wanted.only or not wanted.only
    ]
    if not steps:
        print(f"check: no such check: {', '.join(wanted.only)}", file=sys.stderr)
        return 2
    failed = [name for name, words in steps if not run(name, words)]
    print(f"\ncheck: FAILED: {', '.join(failed)}" if failed else "\ncheck: all is well", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
