"""Builds the GOV.UK Frontend files and axe-core that are committed here from their published packages, or checks them.

The rule kept: no crown, crest, GOV.UK logo or GDS Transport font reaches this service, which is not on GOV.UK; and nothing
committed differs from what this script makes.

    vendor_govuk.py             fetch the packages with npm, build, write
    vendor_govuk.py --check     look at the committed files only; needs no network and no Node
    vendor_govuk.py --compare   fetch, build, and compare with the committed files byte for byte
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOVUK = ROOT / "safety" / "static" / "govuk"
AXE = ROOT / "tests" / "journeys"

# The version whose HTML govuk-frontend-jinja 4.1 writes; a newer one draws some components differently.
GOVUK_VERSION = "6.3.0"
AXE_VERSION = "4.14.1"

BRANDING = re.compile(r"crown|crest|logotype|copyright-logo|gds transport|/assets/|@font-face", re.IGNORECASE)
_BRANDED_SELECTOR = re.compile(r"crown|crest|logotype|copyright-logo", re.IGNORECASE)

# The npm package carries no licence file; this is the licence it names, with the notice of its repository.
GOVUK_LICENCE = """\
GOV.UK Frontend {version}, https://github.com/alphagov/govuk-frontend

govuk-frontend.min.css and govuk-frontend.min.js in this folder are built from the npm package govuk-frontend {version} by
scripts/vendor_govuk.py. Changed: the GDS Transport font and every rule that draws the crown, the crest or the GOV.UK logo are
taken out of the stylesheet, because they may only be used on GOV.UK; source map comments are taken out of both.

The MIT License (MIT)

Copyright (C) 2017 Crown Copyright (Government Digital Service)

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR
IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

AXE_LICENCE = """\
axe.min.js is axe-core {version} by Deque Systems, https://github.com/dequelabs/axe-core, unchanged from the npm package
axe-core {version}. It is used by the browser tests only and is never served.

It is licensed under the Mozilla Public License, version 2.0, https://www.mozilla.org/MPL/2.0/. Its source is in the
repository above, tag v{version}. The notices of third parties that it includes stand in the package's LICENSE-3RD-PARTY.txt.
"""


class VendorProblem(Exception):
    """The published package or a committed file is not what it should be."""


@dataclass(frozen=True)
class Package:
    """One npm package: its version and the SHA-512 of its tarball, as the registry states it (base64)."""

    name: str
    version: str
    sha512: str


GOVUK_PACKAGE = Package(
    "govuk-frontend",
    GOVUK_VERSION,
    "cXIQxm5PHCsbic47GXZrVBZhAeeshTLRL6ZBKilLsR6rMCjJuWb7Fruq0VUNMBJFlJk/srsRj/q8d5bM9cgKoA==",
)
AXE_PACKAGE = Package(
    "axe-core",
    AXE_VERSION,
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
)

# SHA-256 of what was built, so that --check needs nothing from outside. Printed by a build.
BUILT = {
    "govuk-frontend.min.css": "093d21fb473dc4ac246ca30530b07154474f81b84d12404933285d369fbab3b3",
    "govuk-frontend.min.js": "03560aaedbb42e58bbf21b212cc33c5c41bd58245264b48211090acb57f6997b",
    "LICENSE": "c4a85421a8081c9d07655226f910e434662b3aaced430c3f68bf6f37c47ee05c",
    "axe.min.js": "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
    "axe.min.js.LICENSE": "7579772dd684d0573ebd34c5e95e024474917cda492d77022434457c92332eea",
}


def without_branding(css: str) -> str:
    """The stylesheet without fonts, crown, crest and logo.

    Selectors that draw them are dropped, then rules without selectors, then groups without rules. Raises VendorProblem when
    the published stylesheet no longer looks as this expects.
    """
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    css, fonts = re.subn(r"GDS Transport,\s*arial,\s*sans-serif", "arial,sans-serif", css)
    css = _blocks(css)
    if not fonts:
        raise VendorProblem("the stylesheet names no GDS Transport: is this the published one?")
    found = BRANDING.search(css)
    if found:
        raise VendorProblem(f"{found.group()} is still in the stylesheet")
    return css.strip() + "\n"


def _blocks(css: str) -> str:
    """Go through `css` rule by rule, groups such as @media included, and keep what draws no branding."""
    kept: list[str] = []
    at = 0
    while at < len(css):
        opening = _find(css, "{;", at)
        if opening == len(css):
            break
        if css[opening] == ";":  # a statement such as @charset
            kept.append(css[at : opening + 1])
            at = opening + 1
            continue
        closing = _closing(css, opening)
        head, body = css[at:opening].lstrip(), css[opening + 1 : closing]
        at = closing + 1
        if head.startswith(("@media", "@supports")):
            body = _blocks(body)
            if body:
                kept.append(f"{head}{{{body}}}")
        elif head.startswith("@font-face"):
            continue
        elif head.startswith("@"):
            kept.append(f"{head}{{{body}}}")
        else:
            plain = [selector for selector in head.split(",") if not _BRANDED_SELECTOR.search(selector)]
            if plain:
                kept.append(f"{','.join(plain)}{{{body}}}")
    return "".join(kept)


def _find(css: str, wanted: str, at: int) -> int:
    """Where the first of the `wanted` characters stands outside a quoted text; the length of `css` if nowhere."""
    quote = ""
    while at < len(css):
        here = css[at]
        if here == "\\":
            at += 1
        elif quote:
            quote = "" if here == quote else quote
        elif here in "\"'":
            quote = here
        elif here in wanted:
            return at
        at += 1
    return len(css)


def _closing(css: str, opening: int) -> int:
    """The index of the brace that closes the one at `opening`."""
    depth, at = 1, opening
    while depth:
        at = _find(css, "{}", at + 1)
        if at == len(css):
            raise VendorProblem("a brace of the stylesheet is never closed")
        depth += 1 if css[at] == "{" else -1
    return at


def without_source_map(text: str) -> str:
    """`text` without its source map comment, which would send every browser's developer tools after a missing file."""
    return re.sub(r"\s*(//# sourceMappingURL=\S+|/\*# sourceMappingURL=.*?\*/)\s*", "", text) + "\n"


def fetch(package: Package, folder: Path) -> Path:
    """Fetch one package into `folder`; gives the path of its tarball. Raises VendorProblem if it is not the known one."""
    npm = shutil.which("npm")
    if npm is None:
        raise VendorProblem("npm was not found; it is needed to fetch the packages (not to run the service)")
    wanted = f"{package.name}@{package.version}"
    packed = subprocess.run(
        [npm, "pack", "--silent", wanted], cwd=folder, capture_output=True, text=True, check=False
    )
    if packed.returncode:
        raise VendorProblem(f"npm pack {wanted} failed: {packed.stderr.strip()}")
    tarball = folder / f"{package.name}-{package.version}.tgz"
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if digest != package.sha512:
        raise VendorProblem(f"{wanted}: the tarball is not the one this script knows")
    return tarball


def member(tarball: Path, name: str) -> bytes:
    """The content of one file of a fetched package. Raises VendorProblem if the package has no such file."""
    with tarfile.open(tarball) as archive:
        found = archive.extractfile(f"package/{name}")
        if found is None:
            raise VendorProblem(f"{tarball.name} has no {name}")
        return found.read()


def build(folder: Path) -> dict[Path, bytes]:
    """Every file as it should be committed, made from the packages fetched into `folder`."""
    govuk = fetch(GOVUK_PACKAGE, folder)
    axe = fetch(AXE_PACKAGE, folder)
    css = without_branding(member(govuk, "dist/govuk/govuk-frontend.min.css").decode())
    script = without_source_map(member(govuk, "dist/govuk/govuk-frontend.min.js").decode())
    return {
        GOVUK / "govuk-frontend.min.css": css.encode(),
        GOVUK / "govuk-frontend.min.js": script.encode(),
        GOVUK / "LICENSE": GOVUK_LICENCE.format(version=GOVUK_VERSION).encode(),
        AXE / "axe.min.js": member(axe, "axe.min.js"),
        AXE / "axe.min.js.LICENSE": AXE_LICENCE.format(version=AXE_VERSION).encode(),
    }


def check() -> list[str]:
    """What is wrong with the committed files; an empty list when nothing is."""
    wrong: list[str] = []
    files = {
        path.name: path
        for path in (GOVUK / "govuk-frontend.min.css", GOVUK / "govuk-frontend.min.js", GOVUK / "LICENSE")
    }
    files |= {path.name: path for path in (AXE / "axe.min.js", AXE / "axe.min.js.LICENSE")}
    for name, path in files.items():
        if not path.is_file():
            wrong.append(f"{path.relative_to(ROOT)} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != BUILT[name]:
            wrong.append(f"{path.relative_to(ROOT)} is not what scripts/vendor_govuk.py made")
    for path in sorted(GOVUK.rglob("*")):
        if path.suffix in (".css", ".js"):
            text = path.read_text(encoding="utf-8")
            found = BRANDING.search(text)
            if found:
                wrong.append(
                    f"{path.relative_to(ROOT)} contains {found.group()}, which belongs to GOV.UK alone"
                )
            if path.suffix == ".css" and re.search(r"url\((?!['\"]?data:)", text):
                wrong.append(f"{path.relative_to(ROOT)} fetches something by url()")
        elif path.suffix in (".woff", ".woff2", ".ttf", ".otf", ".eot") or BRANDING.search(path.name):
            wrong.append(f"{path.relative_to(ROOT)} may not be here")
    return wrong


def main() -> int:
    """Build, compare or check, as the arguments say. 0: all is well; 1: something differs; 2: it could not be done."""
    parser = argparse.ArgumentParser(
        description="Vendored GOV.UK Frontend and axe-core: build, compare or check."
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="look at the committed files only")
    how.add_argument("--compare", action="store_true", help="fetch, build and compare")
    wanted = parser.parse_args()
    if not wanted.check:
        with tempfile.TemporaryDirectory() as folder:
            try:
                built = build(Path(folder))
            except VendorProblem as problem:
                print(f"vendor_govuk: {problem}", file=sys.stderr)
                return 2
        for path, content in built.items():
            if wanted.compare:
                if not path.is_file() or path.read_bytes() != content:
                    print(
                        f"vendor_govuk: {path.relative_to(ROOT)} differs from a fresh build", file=sys.stderr
                    )
                    return 1
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                print(
                    f"{path.relative_to(ROOT)}  {len(content)} bytes  sha256 {hashlib.sha256(content).hexdigest()}"
                )
    wrong = check()
    for line in wrong:
        print(f"vendor_govuk: {line}", file=sys.stderr)
    if not wrong:
        print(
            f"vendor_govuk: GOV.UK Frontend {GOVUK_VERSION} and axe-core {AXE_VERSION} are as built; no font, crown or logo"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
