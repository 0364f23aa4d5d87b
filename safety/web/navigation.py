"""Which pages stand in the header, by role, and where each role starts. A page that is not there yet is left out."""

from __future__ import annotations

from flask import current_app, request, url_for

from safety.lifecycle import Role

_OFFICER = (("Find a place of safety", "officer.find"), ("Your referrals", "officer.home"))

PAGES: dict[Role, tuple[tuple[str, str], ...]] = {
    Role.OFFICER: _OFFICER,
    Role.LEAD: _OFFICER,
    Role.PROVIDER: (("Your beds", "provider.home"),),
    Role.COORDINATOR: (("Referrals", "coordinator.home"), ("Alerts", "coordinator.alerts")),
    Role.OVERSIGHT: (),
}

HOME: dict[Role, str] = {
    Role.OFFICER: "officer.home",
    Role.LEAD: "officer.home",
    Role.PROVIDER: "provider.home",
    Role.COORDINATOR: "coordinator.home",
}


def items(role: Role | None) -> list[dict[str, object]]:
    """The header's links for this role, as the service navigation component takes them."""
    shown = PAGES.get(role, ()) if role else ()
    return [
        {"text": text, "href": url_for(endpoint), "current": request.endpoint == endpoint}
        for text, endpoint in shown
        if endpoint in current_app.view_functions
    ]
