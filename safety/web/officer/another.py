"""Another person of the same operation: a fresh request that keeps the operation and the place, and nothing of the person."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from safety import permissions, referrals
from safety.extensions import db, new_id
from safety.lifecycle import Role
from safety.models import Operation, Referral, User
from safety.permissions import allow
from safety.referrals import drafts
from safety.web import filters
from safety.web.gate import now
from safety.web.officer.blueprint import ASKERS, me, pages


@pages.post("/referrals/<uuid:referral_id>/another-person")
@allow(*ASKERS)
def another_person(referral_id: uuid.UUID) -> ResponseReturnValue:
    """Begin it from a request that was made; without an operation number yet, there is nothing to keep them together by."""
    found = referrals.seen_by(referral_id=referral_id, actor=me().actor())
    if found.operation is None:
        flash(
            "That request has no operation number. Begin a new one, and enter the number in both.", "notice"
        )
        return redirect(url_for("officer.referral", referral_id=referral_id), 303)
    return begin(me(), found.operation, found)


def begin(officer: User, operation: Operation, like: Referral | None) -> ResponseReturnValue:
    """Save the answers that are the same for everybody of the operation, commit, and go to the first screen."""
    form_token = new_id()
    where = {"operation": operation.number or "", "ready": "0"}
    if like is not None:
        where |= {
            name: value
            for name, value in (
                ("outcode", like.outcode),
                ("setting", like.setting),
                ("transport", like.transport),
            )
            if value
        }
        if like.officer_phone and permissions.holds(officer.actor(), like):
            where["mobile"] = filters.national(like.officer_phone)
    elif officer.phone and officer.role != Role.COORDINATOR:
        where["mobile"] = filters.national(officer.phone)
    drafts.save(form_token=form_token, officer=officer, screen="where", answers=where, now=now())
    if officer.role == Role.COORDINATOR:
        who = {"force": operation.force_id.hex, "adults": "1"}
        drafts.save(form_token=form_token, officer=officer, screen="who", answers=who, now=now())
    db.session.commit()
    return redirect(url_for("officer.who", form_token=form_token), 303)
