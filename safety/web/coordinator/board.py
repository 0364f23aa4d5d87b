"""What needs a person, worst first, and every live referral."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping

from flask import current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from safety import board, duty, freshness, geography, people, workdays
from safety.extensions import db
from safety.lifecycle import HOUSE_CLOSED, Role
from safety.models import Alert, AlertKind
from safety.models.alerts import ALERT_WORDS
from safety.permissions import NotYours, allow
from safety.referrals.timeline import MEANS
from safety.web.coordinator.blueprint import pages
from safety.web.gate import me, now, poll
from safety.web.wire import fragment, unchanged

# Many houses go stale in one night; the worst are seen at once, and the rest do not push what is live off the screen.
HOUSES_SHOWN = 8

# What goes on without anybody, so that whoever reads an alert knows what is left for a person.
BY_ITSELF: Mapping[AlertKind, str] = {
    AlertKind.HOUSE_COMPROMISED: "Nobody new is sent there. Ring the house, and move whoever lives there or is on the way.",
    AlertKind.NO_BED_ON_ARRIVAL: "Nothing: they are inside without a bed. Ring the house, then place them by hand.",
    AlertKind.HOUSE_WITHDREW: "The next best bed is held if there is one. Ring the officer: they may be on the road.",
    AlertKind.NOTHING_FITS: "We match again at every change of a bed. Ask every house, ring houses, or place them by hand.",
    AlertKind.BROKEN: "Their request stops the matching, so no bed is looked for. Place them by hand, and ring the officer.",
    AlertKind.OVERDUE: "The bed stays held. Ring the officer, then the house, and record what happened.",
    AlertKind.NOT_ARRIVED: "Nothing is held. Find out where they are, then start the search again or close the request.",
    AlertKind.CASCADE: "The next house is asked, or with none left every house that could make room. Ring them, or place by hand.",
    AlertKind.FAR_AHEAD: "No bed is held so early. Place them by hand, or leave it until they are nearer.",
    AlertKind.SILENT: "Pages work, and beds are held. Ring whoever runs this service, then houses and officers.",
    AlertKind.TEXT_FAILED: "Nothing more is sent by itself. Ring whoever it was for, or send it again.",
    AlertKind.SUPPLIER: "Texts are tried again, or go by the second supplier. While any wait, ring houses and officers.",
    AlertKind.RELEASED: "The bed is free again. Ask the officer whether a place is still needed.",
    AlertKind.STALE: "Its beds are offered last, and it was asked three times. Ring the house and ask how many are free.",
    AlertKind.ADDRESS_UNCONFIRMED: "Nobody is sent there until the house confirms its address, on its own page. Ring the house.",
    AlertKind.ROTA_GAP: "In the gap every coordinator is texted at once. Give it to somebody on the rota.",
    AlertKind.TEXTS_DIFFER: "Nothing is sent again. Look at the texts that differ, and ring whoever one was for.",
    AlertKind.NOT_THEIRS: "Nothing was done. Somebody tries codes, or a house has a new telephone: ask who should have answered.",
    AlertKind.SPEND: "Texts go on: none is held back for its price. Look at what was sent, and at what for.",
    AlertKind.STAY_ENDING: "The house was told. Ask it what comes next, or extend the stay.",
    AlertKind.ONWARD_UNKNOWN: "They stay in the bed. Ask the house where they go, and have it recorded, or extend the stay.",
    AlertKind.STAY_OVER: "They stay in the bed. Ring the house about what comes next, or extend the stay.",
}


@pages.get("/duty")
@allow(Role.COORDINATOR)
def home() -> ResponseReturnValue:
    """Open alerts, then everything else that needs somebody, then what is live and needs nobody."""
    return render_template("coordinator/home.html", **_home(), on_call=duty.rota.on_call(now=now()))


@pages.get("/duty/now")
@allow(Role.COORDINATOR)
@poll
def home_now() -> ResponseReturnValue:
    """The same, as the page asks for it by itself; one query says whether anything has changed."""
    tag = board.stamp(now=now())
    return unchanged(tag) or fragment(render_template("coordinator/_home.html", **_home()), tag)


def _home() -> dict[str, object]:
    instant, views = now(), current_app.view_functions
    found = board.look(now=instant)
    return {
        "board": found,
        "alert_words": ALERT_WORDS,
        "by_itself": BY_ITSELF,
        "homes": found.homes,
        "whom": found.whom,
        "names": found.names,
        "closed_words": HOUSE_CLOSED,
        "houses_shown": HOUSES_SHOWN,
        "asked_most": freshness.MOST,
        "check": dt.timedelta(minutes=current_app.config["ARRIVAL_CHECK_MIN"]),
        "text_means": MEANS,
        "region": lambda row: geography.region_of(row.outcode or "") or "",
        "phone_in": url_for("officer.find") if "officer.find" in views else None,
        "checked_at": f"{workdays.uk(instant):%H:%M:%S}",
        "instant": instant,
    }


@pages.post("/duty/alerts/<uuid:alert_id>/claim")
@allow(Role.COORDINATOR)
def claim(alert_id: uuid.UUID) -> ResponseReturnValue:
    """Take an alert, for one person only; then to its referral."""
    alert = db.session.get(Alert, alert_id)
    if alert is None:
        raise NotYours
    to = (
        url_for("coordinator.referral", referral_id=alert.referral_id)
        if alert.referral_id
        else url_for("coordinator.home")
    )
    if alert.kind == AlertKind.HOUSE_COMPROMISED:
        house = uuid.UUID(hex=alert.subject.partition(":")[2])
        to = url_for("coordinator.compromised", premises_id=house)
    if alert.ended_at is not None:
        flash("That alert is over: its cause is gone.", "notice")
        return redirect(url_for("coordinator.home"), 303)
    mine = duty.take(alert=alert, by=me().actor().by, now=now())
    if mine is None:
        db.session.rollback()
        who = people.named([alert.claimed_by or ""])
        flash(
            f"Somebody else has taken that alert: {', '.join(who.values())}. Leave it to them, or ring them.",
            "notice",
        )
        return redirect(url_for("coordinator.home"), 303)
    db.session.commit()
    flash("It is yours. It stays open until its cause is gone.", "success")
    return redirect(to, 303)
