"""Taking over a colleague's request by the reference they say.

The rule kept: a reference of another force and one that does not exist get the same answer, and few may be tried.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import referrals
from safety.extensions import db
from safety.permissions import OFFICERS, NotYours, allow
from safety.web import filters, limits
from safety.web.forms.referral import TakeOverForm
from safety.web.gate import begins_its_own_write, now, retrying
from safety.web.officer.blueprint import me, pages

TRIES = "10 per hour"
UNKNOWN = "We do not know that reference, or that request is over. Ask your colleague to read it again"


@pages.route("/take-over", methods=["GET", "POST"])
@allow(*OFFICERS)
@begins_its_own_write
def take_over() -> ResponseReturnValue:
    """The reference, why, and where texts go from now on."""
    officer = me()
    actor, mobile = officer.actor(), officer.phone
    form = TakeOverForm(data={"mobile": filters.national(mobile) if mobile else ""})
    if request.method == "POST" and form.validate():
        limits.count(("take_over", officer.id.hex, TRIES))
        try:
            taken = retrying(
                lambda: referrals.take_over(
                    reference=form.reference.plain,
                    actor=actor,
                    phone=form.mobile.e164,
                    reason=form.reason.data or "",
                    now=now(),
                )
            )
        except NotYours:
            db.session.rollback()
            form.refuse("reference", UNKNOWN)
        else:
            flash("You hold this request now. Your colleague has been told.", "success")
            return redirect(url_for("officer.referral", referral_id=taken.id), 303)
    return render_template("officer/take_over.html", form=form), 400 if form.errors else 200
