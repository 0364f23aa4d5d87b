"""What holds for every page of the service, checked on any answer of any test."""

from __future__ import annotations

import re
from collections import Counter
from xml.etree.ElementTree import Element

import html5lib
from werkzeug.wrappers import Response

TITLE = re.compile(r"(Error: )?\S.* – Places of Safety")
NEVER_ASKED = {"hidden", "submit", "button", "image", "reset"}
# What ties one element to another by its id.
BY_ID = ("aria-controls", "aria-describedby", "aria-labelledby", "for")


class BadPage(AssertionError):
    """A page breaks a rule every page keeps."""


def check_page(response: Response) -> None:
    """Check an HTML answer, whole page or fragment; anything else is left alone. Raises BadPage saying what is wrong."""
    if response.status_code in (204, 304) or 300 <= response.status_code < 400:
        return
    if response.mimetype != "text/html" or "Content-Encoding" in response.headers:
        return
    html = response.get_data(as_text=True)
    whole = html.lstrip()[:9].lower() == "<!doctype"
    page = _parse(html, whole=whole)
    elements = list(page.iter())
    _check_ids(elements)
    _check_nothing_inline(elements)
    _check_forms(elements)
    _check_names(elements)
    if whole:
        _check_head(elements)


def _parse(html: str, *, whole: bool) -> Element:
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    try:
        return parser.parse(html) if whole else parser.parseFragment(html, container="div")
    except html5lib.html5parser.ParseError as problem:
        (row, _), code, _facts = parser.errors[-1]
        line = html.splitlines()[row - 1].strip() if row <= html.count("\n") + 1 else ""
        raise BadPage(f"HTML is not valid: {code} in line {row}: {line[:120]} ({problem})") from None


def _named(elements: list[Element], *names: str) -> list[Element]:
    return [element for element in elements if element.tag in names]


def _check_ids(elements: list[Element]) -> None:
    ids = Counter(element.get("id") for element in elements if element.get("id") is not None)
    twice = [name for name, count in ids.items() if count > 1]
    if twice:
        raise BadPage(f"an id stands twice: {twice}")
    for element in elements:
        for attribute in BY_ID:
            for name in (element.get(attribute) or "").split():
                if name not in ids:
                    raise BadPage(f"{attribute} of <{element.tag}> points nowhere: {name}")
        href = element.get("href") or ""
        if element.tag == "a" and href.startswith("#") and href[1:] not in ids:
            raise BadPage(f"a link leads nowhere on its page: {href}")


def _check_nothing_inline(elements: list[Element]) -> None:
    for element in elements:
        if element.tag == "style" or element.get("style") is not None:
            raise BadPage(f"style within the page, which the policy refuses: <{element.tag}>")
        if element.tag == "script" and (not element.get("src") or (element.text or "").strip()):
            raise BadPage("a script within the page, which the policy refuses")
        if any(name.startswith("on") for name in element.attrib) or (element.get("href") or "").startswith(
            "javascript:"
        ):
            raise BadPage(f"script in an attribute of <{element.tag}>")


def _check_forms(elements: list[Element]) -> None:
    for form in _named(elements, "form"):
        if (form.get("method") or "get").lower() == "get":
            continue
        tokens = [field for field in form.iter("input") if field.get("name") == "csrf_token"]
        if len(tokens) != 1 or not tokens[0].get("value"):
            raise BadPage(f"a form that posts has {len(tokens)} CSRF tokens: {form.get('action')}")


def _check_names(elements: list[Element]) -> None:
    labelled = {label.get("for") for label in _named(elements, "label")}
    inside = {id(field) for label in _named(elements, "label") for field in label.iter()}
    for field in _named(elements, "input", "select", "textarea"):
        if (field.get("type") or "") in NEVER_ASKED or id(field) in inside:
            continue
        if (
            field.get("id") not in labelled
            and not field.get("aria-label")
            and not field.get("aria-labelledby")
        ):
            raise BadPage(f"a field without a label: {field.get('name')}")
    for link in _named(elements, "a", "button"):
        if not "".join(link.itertext()).strip() and not link.get("aria-label"):
            raise BadPage(f"a <{link.tag}> that says nothing: {link.get('href')}")


def _check_head(elements: list[Element]) -> None:
    html = _named(elements, "html")[0]
    if html.get("lang") != "en":
        raise BadPage("the page does not say its language")
    titles = [
        "".join(title.itertext()) for title in _named(_named(elements, "head")[0].findall("*"), "title")
    ]
    if len(titles) != 1 or not TITLE.fullmatch(titles[0]):
        raise BadPage(f"the title should read 'X – Places of Safety': {titles}")
    heads = _named(elements, "h1")
    if len(heads) != 1 or not "".join(heads[0].itertext()).strip():
        raise BadPage(f"a page has one h1, this one has {len(heads)}")
    if len(_named(elements, "main")) != 1:
        raise BadPage("a page has one main part")
    wrong = any("govuk-error-summary" in (element.get("class") or "").split() for element in elements)
    if wrong != titles[0].startswith("Error: "):
        raise BadPage(f"the title says Error exactly when the page has an error summary: {titles[0]}")
