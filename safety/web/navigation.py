"""Which pages stand in the header, by role, and where each role starts.

The rule kept: a page that is not there, or that the role may not open, is left out.
"""

from __future__ import annotations

from flask import current_app, request, url_for

from safety.lifecycle import Role

_OWN = ("Your account", "account.mine")
_OFFICER = (
    ("Find a place of safety", "officer.find"),
    ("Your referrals", "officer.home"),
    ("Take over", "officer.take_over"),
    _OWN,
)

PAGES: dict[Role, tuple[tuple[str, str], ...]] = {
    Role.OFFICER: _OFFICER,
    Role.LEAD: _OFFICER,
    Role.PROVIDER: (("Your beds", "provider.home"), _OWN),
    Role.COORDINATOR: (
        ("Duty", "coordinator.home"),
        ("Capacity", "coordinator.beds"),
        ("Find a place of safety", "officer.find"),
        ("People", "people.home"),
        ("Houses", "houses.home"),
        ("Forces", "forces.home"),
        ("Texts", "coordinator.all_texts"),
        _OWN,
    ),
    Role.OVERSIGHT: (_OWN,),
}

HOME: dict[Role, str] = {
    Role.OFFICER: "officer.home",
    Role.LEAD: "officer.home",
    Role.PROVIDER: "provider.home",
    Role.COORDINATOR: "coordinator.home",
}


def items(role: Role | None) -> list[dict[str, object]]:
    """The header's links for this role, as the service navigation component takes them."""
    if role is None:
        return []
    views = current_app.view_functions
    return [
        {"text": text, "href": url_for(endpoint), "current": request.endpoint == endpoint}
        for text, endpoint in PAGES.get(role, ())
        if endpoint in views and role in getattr(views[endpoint], "allowed", ())
    ]
