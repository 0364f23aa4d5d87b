"""Find a place of safety: three screens at most between the press and the held bed, each kept as a draft.

The rule kept: one draft makes one referral, however often its last screen is sent; for whom no bed may be sought, none is,
and nothing of them is kept.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from safety import forces, geography, referrals
from safety.extensions import begin_write, db, new_id
from safety.lifecycle import ReferralState, Role
from safety.models import Referral, User
from safety.permissions import NotYours, allow
from safety.referrals import details, drafts
from safety.referrals.opening import KeepApartUnknown
from safety.web import filters
from safety.web.forms.request import NeedsForm, WhereForm, WhoForm
from safety.web.gate import now
from safety.web.officer.blueprint import ASKERS, me, pages
from safety.web.officer.helplines import BY_NATION, CHILD_GUARDIANS

_STOPPED = {
    ReferralState.DIVERTED: "officer.child",
    ReferralState.DECLINED_BY_PERSON: "officer.did_not_agree",
}
_STATES = {"child": ReferralState.DIVERTED, "did_not_agree": ReferralState.DECLINED_BY_PERSON}


@pages.get("/find")
@allow(*ASKERS)
def find() -> ResponseReturnValue:
    """A fresh form. Its token is in the address, so that going back and refreshing keep to it."""
    return redirect(url_for("officer.who", form_token=new_id()), 303)


@pages.route("/find/<uuid:form_token>/who", methods=["GET", "POST"])
@allow(*ASKERS)
def who(form_token: uuid.UUID) -> ResponseReturnValue:
    """Screen 1: may a place be sought, and for whom."""
    officer = me()
    made = referrals.opened(officer=officer, form_token=form_token)
    if made is not None:
        return onward(made)
    so_far = drafts.read(form_token=form_token, officer=officer, now=now()) or {}
    form = WhoForm(data=so_far.get("who") or {"adults": "1"})
    _ask_force(form, officer)
    if request.method == "POST":
        good = form.validate()
        stopped = form.stops()
        if stopped in _STATES:
            referrals.divert(why=_STATES[stopped], officer=officer, form_token=form_token, now=now())
            db.session.commit()
            return redirect(url_for(_STOPPED[_STATES[stopped]]), 303)
        if good or stopped:
            drafts.save(
                form_token=form_token, officer=officer, screen="who", answers=form.answers(), now=now()
            )
            db.session.commit()
            following = "officer.hospital" if stopped else "officer.needs"
            return redirect(url_for(following, form_token=form_token), 303)
    return _screen("who", form, form_token)


@pages.route("/find/<uuid:form_token>/needs", methods=["GET", "POST"])
@allow(*ASKERS)
def needs(form_token: uuid.UUID) -> ResponseReturnValue:
    """Screen 2: needs and risks."""
    officer = me()
    made = referrals.opened(officer=officer, form_token=form_token)
    if made is not None:
        return onward(made)
    so_far = begun(form_token, officer)
    if not _settled(so_far):
        return redirect(url_for("officer.who", form_token=form_token), 303)
    saved = so_far.get("needs")
    form = NeedsForm(data=saved or {"miles": "10"})
    force_id = force_of(so_far, officer)
    if request.method == "POST":
        good = form.validate()
        if form.apart.plain and not details.nameable(reference=form.apart.plain, force_id=force_id):
            form.refuse("apart", NOT_KNOWN)
            good = False
        if good:
            drafts.save(
                form_token=form_token, officer=officer, screen="needs", answers=form.answers(), now=now()
            )
            db.session.commit()
            return redirect(url_for("officer.where", form_token=form_token), 303)
    elif saved and saved.get("apart") and not details.nameable(reference=saved["apart"], force_id=force_id):
        # It was live when it was typed. To drop it is for the officer to decide, not for us.
        form.apart.errors = [NOT_KNOWN]
    return _screen("needs", form, form_token)


@pages.route("/find/<uuid:form_token>/where", methods=["GET", "POST"])
@allow(*ASKERS)
def where(form_token: uuid.UUID) -> ResponseReturnValue:
    """Screen 3: where and when. Sent, it opens the referral and holds the best bed."""
    officer = me()
    made = referrals.opened(officer=officer, form_token=form_token)
    if made is not None:
        return onward(made)
    so_far = begun(form_token, officer)
    if not _settled(so_far):
        return redirect(url_for("officer.who", form_token=form_token), 303)
    if "needs" not in so_far:
        return redirect(url_for("officer.needs", form_token=form_token), 303)
    mine = officer.phone if officer.role != Role.COORDINATOR else None
    usual = {"ready": "0", "transport": "police", "mobile": filters.national(mine) if mine else ""}
    form = WhereForm(now=now(), data=so_far.get("where") or usual)
    if request.method == "POST" and form.validate():
        if officer.role == Role.COORDINATOR and "paper" in request.form:
            drafts.save(
                form_token=form_token, officer=officer, screen="where", answers=form.answers(), now=now()
            )
            db.session.commit()
            return redirect(url_for("officer.paper", form_token=form_token), 303)
        asked = request_of(so_far, form, force_of(so_far, officer))
        try:
            referral = referrals.open(request=asked, officer=officer, form_token=form_token, now=now())
        except KeepApartUnknown:
            # Whom to keep apart from is over since screen 2: back there, where it says so, with this screen kept.
            officer = _again(officer)
            drafts.save(
                form_token=form_token, officer=officer, screen="where", answers=form.answers(), now=now()
            )
            db.session.commit()
            return redirect(url_for("officer.needs", form_token=form_token), 303)
        db.session.commit()
        return onward(referral)
    return _screen("where", form, form_token)


@pages.get("/find/<uuid:form_token>/hospital")
@allow(*ASKERS)
def hospital(form_token: uuid.UUID) -> ResponseReturnValue:
    """Hospital first. The draft is kept for when they are ready."""
    officer = me()
    made = referrals.opened(officer=officer, form_token=form_token)
    if made is not None:
        return onward(made)
    begun(form_token, officer)
    return render_template("officer/hospital.html", form_token=form_token)


@pages.get("/find/stopped/child")
@allow(*ASKERS)
def child() -> ResponseReturnValue:
    """Not an adult, or not sure: children's services, treated as a child until somebody has decided."""
    return render_template("officer/child.html", guardians=CHILD_GUARDIANS)


@pages.get("/find/stopped/did-not-agree")
@allow(*ASKERS)
def did_not_agree() -> ResponseReturnValue:
    """They do not agree to come: nobody is taken, and what is left to do."""
    force = me().force
    nation = force.nation if force else "England"
    own = "England and Wales" if nation in ("England", "Wales") else nation
    sections = sorted(BY_NATION, key=lambda section: section.nation != own)
    return render_template(
        "officer/did_not_agree.html", sections=sections, duty_to_notify=own == "England and Wales"
    )


NOT_KNOWN = "We do not know that reference, or that request is over. Check it, or leave it empty"


def _screen(name: str, form: Any, form_token: uuid.UUID) -> ResponseReturnValue:
    wrong = any(field.errors for field in form)
    return render_template(
        f"officer/{name}.html", form=form, form_token=form_token, whose=me().id.hex
    ), 400 if wrong and request.method == "POST" else 200


def onward(made: Referral) -> ResponseReturnValue:
    """To what a form has made already."""
    if made.operation_id is not None and me().role == Role.COORDINATOR:
        return redirect(url_for("coordinator.operation", operation_id=made.operation_id), 303)
    stopped = _STOPPED.get(ReferralState(made.state))
    return redirect(url_for(stopped) if stopped else url_for("officer.referral", referral_id=made.id), 303)


def begun(form_token: uuid.UUID, officer: User) -> dict[str, Any]:
    """The screens so far. Raises NotYours when there is none."""
    so_far = drafts.read(form_token=form_token, officer=officer, now=now())
    if so_far is None:
        raise NotYours
    return so_far


def _settled(so_far: Mapping[str, Any]) -> bool:
    """Whether screen 1 is answered so that a place may be sought."""
    who = so_far.get("who") or {}
    return (who.get("adult"), who.get("agrees"), who.get("hospital")) == ("yes", "yes", "no") and bool(
        who.get("kind")
    )


def _ask_force(form: WhoForm, officer: User) -> None:
    """Only a coordinator, who keys in a telephone call, is asked for the force."""
    if officer.role == Role.COORDINATOR:
        form.force.offer({force.id.hex: force.name for force in forces.placing(now=now())})
    else:
        del form.force


def force_of(so_far: Mapping[str, Any], officer: User) -> uuid.UUID | None:
    """The officer's own force, or the one a coordinator has keyed in, or what that became part of since."""
    if officer.role != Role.COORDINATOR:
        return officer.force_id
    said = so_far["who"].get("force")
    return forces.heir(force_id=uuid.UUID(hex=said)) if said else None


def _again(officer: User) -> User:
    officer_id = officer.id
    db.session.rollback()
    begin_write()
    return db.session.get_one(User, officer_id)


def where_of(so_far: Mapping[str, Any]) -> WhereForm | None:
    """Screen 3 as it was kept, read again at this moment; None when it or a screen before it has to be filled in first."""
    if not _settled(so_far) or "needs" not in so_far or "where" not in so_far:
        return None
    form = WhereForm(now=now(), formdata=MultiDict(so_far["where"]), meta={"csrf": False})
    return form if form.validate() else None


def request_of(so_far: Mapping[str, Any], where: WhereForm, force_id: uuid.UUID | None) -> referrals.Request:
    """What the three screens ask for together."""
    who, needs = so_far["who"], so_far["needs"]
    needed = set(needs.get("needed") or ())
    areas = [needs[name] for name in ("away_1", "away_2", "away_3") if needs.get(name)]
    outcodes = {code for area in areas for code in geography.resolve_area(area) or ()}
    return referrals.Request(
        cohort=who["kind"],
        adults=int(who["adults"]),
        outcode=where.outcode.code,
        eta_at=where.eta_at,
        ready_at=where.ready_at,
        officer_phone=where.mobile.e164,
        children={age: int(who.get(name) or 0) for name, age in WhoForm.CHILDREN.items()},
        pregnant=who.get("pregnant") or "no",
        interpreter=bool(who.get("interpreter")),
        needed=tuple(needed),
        wished=tuple(set(needs.get("wished") or ()) - needed),
        support=tuple(needs.get("support") or ()),
        tracking_checked=needs["tracking"],
        keep_away=tuple(outcodes),
        keep_away_miles=float(needs["miles"]) if areas else 0.0,
        keep_apart=(needs["apart"],) if needs.get("apart") else (),
        setting=where.setting.data or "",
        transport=where.transport.data or "",
        incident=where.incident.data or None,
        operation=where.operation.kept or None,
        force_id=force_id,
    )
