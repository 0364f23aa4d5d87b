"""Where to go: shown to the holder on the road, for a minute, once who they are was proved within PROOF_FRESH_MIN.

The rule kept: the opening is recorded and committed before the page leaves; the address is in no other page and no cache.
"""

from __future__ import annotations

import uuid

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import referrals
from safety.extensions import db
from safety.permissions import OFFICERS, NotYours, allow
from safety.referrals.handover import may_open_address
from safety.web.forms.referral import AddressForm
from safety.web.gate import freshly_proved, now, prove_first
from safety.web.glance import glance
from safety.web.officer.blueprint import me, pages


@pages.route("/referrals/<uuid:referral_id>/address", methods=["GET", "POST"])
@allow(*OFFICERS)
def address(referral_id: uuid.UUID) -> ResponseReturnValue:
    """GET: why it is wanted, after proving who one is. POST: the address.

    A press on the referral's page carries no reason and needs none while the proof is fresh; after it has gone stale the
    password and a reason are asked for.
    """
    actor = me().actor()
    found = referrals.seen_by(referral_id=referral_id, actor=actor)
    if not may_open_address(referrals.live_placement(found), actor, now()):
        raise NotYours
    here = url_for("officer.address", referral_id=referral_id)
    if not freshly_proved():
        db.session.rollback()
        return prove_first(here)
    form = AddressForm()
    asked = request.method == "POST" and "reason" in request.form
    if request.method != "POST" or (asked and not form.validate()):
        return render_template(
            "officer/address_reason.html", form=form, referral=found
        ), 400 if form.errors else 200
    reason = (form.reason.data or "") if asked else "on_the_way"
    where = referrals.open_address(referral_id=referral_id, actor=actor, reason=reason, now=now())
    db.session.commit()
    back = url_for("officer.referral", referral_id=referral_id)
    return glance("officer/address.html", back=back, where=where, referral=found)
