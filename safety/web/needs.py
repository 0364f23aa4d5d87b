"""What was asked for, in plain words: for the house that is asked and the coordinator who helps. It never says who they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from safety import matching
from safety.models import Referral
from safety.referrals import details

_PLACES = {"women": "women only", "men": "men only", "either": "either women or men"}
_TRACKING = {
    "yes": "Yes",
    "no": "No. Check before they come in",
    "not_known": "Not known. Ask before they come in",
}
_TRACKING_INSIDE = {"yes": "Yes", "no": "No. Check now", "not_known": "Not known. Ask them now"}
_PREGNANT = {"yes": "Yes", "not_known": "Not known"}


def rows(referral: Referral, *, inside: bool = False) -> list[tuple[str, str]]:
    """What to know before saying yes, as (question, answer), the decisive first. Empty once it was erased.

    inside: they are in the house already, so nothing can be done before they come in any more.
    """
    needs = referral.needs
    if needs is None:
        return []
    tracking = _TRACKING_INSIDE if inside else _TRACKING
    found = [("Who", who(referral))]
    if needs.get("pregnant") in _PREGNANT:
        found.append(("Pregnant", _PREGNANT[needs["pregnant"]]))
    if needs.get("needed"):
        found.append(("The room must have", _listed(matching.FEATURES, needs["needed"])))
    if needs.get("wished"):
        found.append(("They would like", _listed(matching.FEATURES, needs["wished"])))
    support = _listed(matching.SUPPORT, needs.get("support") or ())
    found.append(("To keep everybody safe", support or "No risk was ticked"))
    language = _language(needs)
    if language:
        found.append(("Language", language))
    if needs.get("diet"):
        found.append(("What they eat", _listed(details.DIETS, needs["diet"])))
    found.append(
        (
            "Phone and belongings checked for tracking",
            tracking.get(needs.get("tracking_checked", ""), tracking["not_known"]),
        )
    )
    return found


def who(referral: Referral) -> str:
    """How many people, of which ages, and the kind of place: "1 adult and 2 children (1 under 2, 1 aged 5 to 11), women only"."""
    needs = referral.needs or {}
    adults = int(needs.get("adults", 1))
    words = f"{adults} adult{'s' if adults > 1 else ''}"
    ages = {age: count for age, count in (needs.get("children") or {}).items() if count}
    if ages:
        total = sum(ages.values())
        each = ", ".join(
            f"{count} {label[0].lower()}{label[1:]}" if age == "under_2" else f"{count} aged {label}"
            for age, label in matching.CHILD_AGES.items()
            if (count := ages.get(age))
        )
        words += f" and {total} child{'ren' if total > 1 else ''} ({each})"
    return f"{words}, {_PLACES[referral.cohort or 'either']}"


def short(referral: Referral) -> str:
    """One line for a list: who, and what decides."""
    needs = referral.needs or {}
    parts = [who(referral)]
    if needs.get("pregnant") == "yes":
        parts.append("pregnant")
    elif needs.get("pregnant") == "not_known":
        parts.append("may be pregnant")
    parts += [matching.FEATURES[code] for code in needs.get("needed", ()) if code in matching.FEATURES]
    parts += [matching.SUPPORT[code] for code in needs.get("support", ()) if code in matching.SUPPORT]
    return parts[0] + "".join(f"; {part[0].lower()}{part[1:]}" for part in parts[1:])


def _language(needs: Mapping[str, Any]) -> str:
    said = [
        details.LANGUAGES.get(needs.get("language") or "", ""),
        "They need an interpreter: have one ready" if needs.get("interpreter") else "",
    ]
    return ". ".join(words for words in said if words)


def _listed(words: Mapping[str, str], codes: Iterable[str]) -> str:
    return "; ".join(words[code] for code in codes if code in words)
