"""The people of the scheme: who they are, inviting them, the call to their control room, closing an account at once.

The rules kept: a name that is looked for stands in no address of a page; the link of an invitation is shown once, to whoever made
it; what lets somebody in asks for a password given in the last PROOF_FRESH_MIN, what shuts somebody out does not.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import sqlalchemy as sa
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import accounts, attestation, duty, forces, invitations, mail, mobiles, people
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import Invitation, Provider, User
from safety.permissions import NotYours, allow
from safety.web.forms.people import CallBackForm, InviteForm, RoleForm, SearchForm
from safety.web.gate import begins_its_own_write, freshly_proved, me, now, prove_first, retrying
from safety.web.invitation import link

pages = Blueprint("people", __name__)


@pages.route("/people", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
@begins_its_own_write
def home() -> ResponseReturnValue:
    """Everybody, a page at a time; by POST, those whose name or address has the words that were sent."""
    form = SearchForm()
    looking = request.method == "POST"
    if looking and not form.validate():
        return _home(form, people.search()), 400
    sent = (request.form if looking else request.args).get("page", "")
    number = int(sent) if sent.isascii() and sent.isdigit() and 0 < len(sent) < 5 else 1
    return _home(form, people.search(words=form.words.data or "", number=max(1, number)))


def _home(form: SearchForm, found: people.Found) -> str:
    invited = invitations.open_ones()
    return render_template(
        "people/home.html",
        form=form,
        found=found,
        words=form.words.data or "",
        invited=invited,
        awaiting=people.awaiting_call_back(),
        names=people.named(invitation.invited_by for invitation in invited),
        roles=people.ROLES,
        instant=now(),
        due=len(attestation.due(actor=me().actor(), now=now())),
        unconfirmed={user.id for user in found.people if not user.disabled_at and mobiles.due(user, now())},
    )


@pages.route("/people/invite", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
@begins_its_own_write
def choose_role() -> ResponseReturnValue:
    """What the person will do, which decides what else is asked."""
    form = RoleForm()
    if request.method == "POST" and form.validate():
        return redirect(url_for("people.invite", slug=form.role.data), 303)
    return render_template("people/choose_role.html", form=form), 400 if form.errors else 200


@pages.route("/people/invite/<slug>", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
@begins_its_own_write
def invite(slug: str) -> ResponseReturnValue:
    """Who is invited. POST: the link, shown this once."""
    role = _role(slug)
    if not freshly_proved():
        return prove_first(url_for("people.invite", slug=slug))
    form = _invite_form(role)
    if request.method != "POST" or not form.validate():
        return _ask(form, role)
    by = me().actor().by
    try:
        return _made(lambda: invitations.invite(guest=_guest(form, role), by=by, now=now()))
    except (accounts.NotAnEmail, accounts.EmailTaken, invitations.NotAPoliceAddress) as refused:
        form.refuse("email", str(refused))
        return _ask(form, role)


def _role(slug: str) -> Role:
    try:
        role = Role(slug)
    except ValueError:
        raise NotYours from None
    if role not in people.ROLES:
        raise NotYours
    return role


def _invite_form(role: Role) -> InviteForm:
    form = InviteForm()
    form.fit(role)
    if form.force:
        form.force.offer({force.id.hex: force.name for force in forces.placing(now=now())})
    if form.provider:
        every = db.session.scalars(sa.select(Provider).order_by(Provider.name))
        form.provider.offer({provider.id.hex: provider.name for provider in every})
    return form


def _ask(form: InviteForm, role: Role) -> ResponseReturnValue:
    asked = [field for field in form if field.name != "csrf_token"]
    words = render_template(
        "people/invite.html",
        form=form,
        asked=asked,
        role=people.ROLES[role],
        nowhere=form.provider is not None and not form.provider.offered,
        no_forces=form.force is not None and not form.force.offered,
    )
    return words, 400 if form.errors else 200


def _guest(form: InviteForm, role: Role) -> invitations.Guest:
    return invitations.Guest(
        email=form.email.data,
        name=" ".join(form.name.data.split()),
        role=role,
        force_id=uuid.UUID(hex=form.force.data) if form.force else None,
        provider_id=uuid.UUID(hex=form.provider.data) if form.provider else None,
        collar_number=form.collar.data if form.collar else None,
        phone=form.mobile.e164 if form.mobile else None,
    )


def _made(invited: Callable[[], tuple[Invitation, str]]) -> ResponseReturnValue:
    """Commit an invitation, then send its link if this service sends e-mail; the page with the link on it."""
    # One at a time: of two presses the second withdraws what the first has made, and shows a link that works.
    invitation, token = retrying(invited)
    to, whole = invitation.email, link(token)
    sent = None
    if mail.wanted():
        # The invitation stands whatever becomes of the e-mail: the link is on the page.
        words = invitations.letter(link=whole, ring=current_app.config["DUTY_NUMBER"])
        try:
            mail.send(to=to, subject="Your invitation to Places of Safety", words=words)
            sent = True
        except mail.NotSent:
            sent = False
    return render_template(
        "people/link.html", invitation=invitation, link=whole, sent=sent, roles=people.ROLES
    )


@pages.post("/people/invitations/<uuid:invitation_id>/again")
@allow(Role.COORDINATOR)
@begins_its_own_write
def again(invitation_id: uuid.UUID) -> ResponseReturnValue:
    """A new link for somebody who was invited; the one before is worth nothing."""
    if not freshly_proved():
        return prove_first(url_for("people.home"))
    by = me().actor().by
    try:
        return _made(lambda: invitations.again(invitation_id=invitation_id, by=by, now=now()))
    except (LookupError, accounts.EmailTaken, invitations.NotAPoliceAddress):
        return _over()


@pages.post("/people/invitations/<uuid:invitation_id>/withdraw")
@allow(Role.COORDINATOR)
def withdraw(invitation_id: uuid.UUID) -> ResponseReturnValue:
    """Take an invitation back."""
    try:
        invitations.withdraw(invitation_id=invitation_id, by=me().actor().by, now=now())
    except LookupError:
        return _over()
    db.session.commit()
    flash("The invitation is taken back. Its link opens nothing any more.", "success")
    return redirect(url_for("people.home"), 303)


def _over() -> ResponseReturnValue:
    flash(
        "That invitation is over: it was used, taken back or replaced. The list below is as it is now.",
        "notice",
    )
    return redirect(url_for("people.home"), 303)


@pages.get("/people/<uuid:user_id>")
@allow(Role.COORDINATOR)
def person_page(user_id: uuid.UUID) -> ResponseReturnValue:
    """One person: who they are, who invited and checked them, and what can be done."""
    user = _user(user_id)
    signed = [
        user.disabled_by,
        user.invitation.invited_by if user.invitation else None,
        user.call_back.called_by if user.call_back else None,
        user.attested_by,
    ]
    return render_template(
        "people/person.html",
        user=user,
        names=people.named(label for label in signed if label),
        roles=people.ROLES,
        myself=user.id == me().id,
        due_at=attestation.due_at(user),
        paused=attestation.paused(user, now()),
        confirmed=mobiles.confirmed(user, now()),
    )


@pages.route("/people/<uuid:user_id>/call-back", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def call_back(user_id: uuid.UUID) -> ResponseReturnValue:
    """Ring an officer's control room on the number we hold, and record what it said."""
    user = _user(user_id)
    if not user.awaits_call_back:
        return redirect(url_for("people.person_page", user_id=user_id), 303)
    if not freshly_proved():
        db.session.rollback()
        return prove_first(url_for("people.call_back", user_id=user_id))
    assert user.force is not None
    form = CallBackForm()
    if request.method != "POST" or not user.force.switchboard or not form.validate():
        return render_template("people/call_back.html", user=user, form=form), 400 if form.errors else 200
    if form.answer.data == "confirmed":
        people.confirm(user_id=user_id, by=me().actor().by, now=now())
        flash(f"{user.name} can sign in now, and is told by text.", "success")
    else:
        people.doubt(user_id=user_id, by=me().actor().by, now=now())
        flash(
            "It is recorded, and they still cannot sign in. If you doubt who they are, close the account.",
            "notice",
        )
    db.session.commit()
    return redirect(url_for("people.person_page", user_id=user_id), 303)


@pages.post("/people/<uuid:user_id>/close")
@allow(Role.COORDINATOR)
def close(user_id: uuid.UUID) -> ResponseReturnValue:
    """Close an account at once."""
    user = _user(user_id)
    try:
        people.close(user_id=user_id, by=me().actor().by, now=now())
        duty.release(taken_by=f"user:{user_id.hex}", by=me().actor().by, now=now())
    except people.StaysOpen as refused:
        db.session.rollback()
        flash(str(refused), "notice")
    else:
        db.session.commit()
        flash(f"{user.name} is signed out everywhere and cannot sign in.", "success")
    return redirect(url_for("people.person_page", user_id=user_id), 303)


@pages.post("/people/<uuid:user_id>/open")
@allow(Role.COORDINATOR)
def open_again(user_id: uuid.UUID) -> ResponseReturnValue:
    """Open a closed account again."""
    user = _user(user_id)
    if not freshly_proved():
        db.session.rollback()
        return prove_first(url_for("people.person_page", user_id=user_id))
    people.open_again(user_id=user_id, by=me().actor().by, now=now())
    db.session.commit()
    flash(f"{user.name}’s account is open again, with the password it had.", "success")
    return redirect(url_for("people.person_page", user_id=user_id), 303)


def _user(user_id: uuid.UUID) -> User:
    user = db.session.get(User, user_id)
    if user is None:
        raise NotYours
    return user
