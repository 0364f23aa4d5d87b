"""Where the browser of the browser journeys is, and, run as a program, how it comes onto this machine.

The rule kept: a browser that is here is used; one that is missing is installed only into this machine's own package system (as
root, on Debian) or Playwright's own folder; and its absence is said loudly, never passed over.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

CANDIDATES = (
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/usr/bin/google-chrome-stable",
    "/opt/google/chrome/chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

# What every launch is given. Without a sandbox, because a container's root has none; the pages are our own.
LAUNCH_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@functools.cache
def chromium_path() -> str | None:
    """The path of a browser that starts: POS_CHROMIUM, the system's, else Playwright's own; None when there is none."""
    chosen = os.environ.get("POS_CHROMIUM")
    if chosen:
        return chosen if _starts(chosen) else None
    names = ("chromium", "chromium-browser", "google-chrome")
    found = [path for path in (*CANDIDATES, *(shutil.which(name) for name in names)) if path]
    for path in dict.fromkeys(found):
        if _starts(path):
            return path
    own = _playwrights_own()
    return own if own and _starts(own) else None


def _starts(path: str) -> bool:
    """Whether `path` says a version. Ubuntu's /usr/bin/chromium-browser, for one, only says which package is missing."""
    if not os.access(path, os.X_OK):
        return False
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and re.search(r"\d+\.\d+", done.stdout) is not None


def _playwrights_own() -> str | None:
    """Where `playwright install chromium` puts its browser, whether it is there or not; None without Playwright.

    Asked in a process of its own, because Playwright refuses to be opened twice in one.
    """
    ask = "from playwright.sync_api import sync_playwright as p\nwith p() as o: print(o.chromium.executable_path)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def install() -> str | None:
    """Put a browser onto this machine by the first way that works; gives its path, or None when none did."""
    root = os.geteuid() == 0
    if root and shutil.which("apt-get"):
        print("browser: installing Chromium with apt-get (about 80 MB) …", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        packages = ("chromium", "fonts-liberation")
        done = _quietly(["apt-get", "update", "-qq"], quiet) and _quietly(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], quiet
        )
        chromium_path.cache_clear()
        if done and chromium_path():
            return chromium_path()
    print("browser: fetching Playwright's own Chromium (about 170 MB) …", flush=True)
    with_libraries = ["--with-deps"] if root and shutil.which("apt-get") else []
    _quietly([sys.executable, "-m", "playwright", "install", *with_libraries, "chromium"], os.environ)
    chromium_path.cache_clear()
    return chromium_path()


def _quietly(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Run a command; show the end of what it said only when it failed. Whether it worked."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=dict(environment), check=False
    )
    if done.returncode:
        print("\n".join((done.stdout + done.stderr).strip().splitlines()[-5:]), file=sys.stderr)
    return done.returncode == 0


def main() -> int:
    """Make sure of a browser. 0: there is one, or its absence only skips the journeys; 1: there is none and CI is set."""
    path = chromium_path() or (None if os.environ.get("POS_CHROMIUM") else install())
    if path:
        print(f"browser: {path}")
        return 0
    line = "!" * 100
    print(
        f"{line}\nbrowser: NO CHROMIUM. The browser journeys will be SKIPPED.\n"
        "Install Chromium or Chrome (Debian: apt install chromium), or set POS_CHROMIUM to its path, and run again.\n"
        f"{line}",
        file=sys.stderr,
    )
    return 1 if os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
