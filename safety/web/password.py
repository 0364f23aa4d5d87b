"""A forgotten password: asking for a link, and choosing a new one with it.

The rules kept: the answer is the same whether anybody has the address, and so is the work; looking uses nothing up; a link a
coordinator makes is shown once, to somebody who has just given their password and says that they rang.
"""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import accounts, mail, passwords
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import User
from safety.permissions import ANYONE, NotYours, allow
from safety.web import limits
from safety.web.forms.people import ChoosePasswordForm
from safety.web.forms.sign_in import ForgottenForm, RungForm
from safety.web.gate import begins_its_own_write, freshly_proved, me, now, prove_first, retrying
from safety.web.invitation import chosen, quiet

pages = Blueprint("password", __name__)

# Each one is an e-mail to somebody who may not have asked for it.
ASKED = "3 per hour; 6 per day"


@pages.route("/forgotten-password", methods=["GET", "POST"])
@allow(ANYONE)
@begins_its_own_write
def forgotten() -> ResponseReturnValue:
    """The address of the account. Where no e-mail is sent, whom to ring."""
    form = ForgottenForm()
    if not mail.wanted():
        return render_template("password/ring.html")
    if request.method != "POST" or not form.validate():
        return render_template("password/forgotten.html", form=form), 400 if form.errors else 200
    email = accounts.plain_email(form.email.data)
    limits.count(
        ("forgotten", email, ASKED),
        ("forgotten_from", limits.source(), current_app.config["SIGN_IN_PER_SOURCE"]),
    )
    retrying(lambda: passwords.ask(email=email, now=now()), deciding=False)
    return redirect(url_for("password.asked"), 303)


@pages.get("/forgotten-password/asked")
@allow(ANYONE)
def asked() -> ResponseReturnValue:
    """What happens next, whoever asked."""
    return render_template("password/asked.html")


@pages.route(passwords.PATH, methods=["GET", "POST"])
@allow(ANYONE)
@begins_its_own_write
def choose() -> ResponseReturnValue:
    """GET: a new password to choose. POST: it counts from now on, and every session is over."""
    posted = request.method == "POST"
    if posted:
        limits.count(("new_password", limits.source(), current_app.config["SIGN_IN_PER_SOURCE"]))
    token = (request.form if posted else request.args).get("key", "")
    form = ChoosePasswordForm()
    try:
        found = passwords.find(token=token, now=now())
        if not posted or not form.validate():
            return _page(found, token, form)
        secret = chosen(found, form)
        if secret is None:
            return _page(passwords.find(token=token, now=now()), token, form)
        retrying(lambda: passwords.choose(token=token, password=secret, now=now()), deciding=False)
    except passwords.NoUse as refused:
        return quiet(render_template("invitation/no_use.html", why=str(refused)), 410)
    return redirect(url_for("password.changed"), 303)


@pages.get("/password-changed")
@allow(ANYONE)
def changed() -> ResponseReturnValue:
    """The new password counts."""
    return render_template("password/changed.html")


@pages.route("/people/<uuid:user_id>/password-link", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
@begins_its_own_write
def after_a_call(user_id: uuid.UUID) -> ResponseReturnValue:
    """Ring somebody back on the number we hold, and give them a link for a new password, shown this once."""
    user = db.session.get(User, user_id)
    if user is None or user.disabled_at is not None:
        raise NotYours
    if not freshly_proved():
        return prove_first(url_for("password.after_a_call", user_id=user_id))
    form = RungForm()
    if request.method != "POST" or not form.validate():
        page = render_template("password/ring_back.html", user=user, form=form)
        return page, 400 if form.errors else 200
    by, name, told = me().actor().by, user.name, _told(user)
    try:
        token = retrying(lambda: passwords.after_a_call(user_id=user_id, by=by, now=now()))
    except passwords.OnesOwn as refused:
        flash(str(refused), "notice")
        return redirect(url_for("people.person_page", user_id=user_id), 303)
    except LookupError:
        raise NotYours from None  # closed in this very moment
    return render_template(
        "password/link.html", name=name, user_id=user_id, link=passwords.link(token), told=told
    )


def _page(found: User, token: str, form: ChoosePasswordForm) -> Response:
    words = render_template(
        "password/choose.html", email=found.email, token=token, form=form, told=_told(found)
    )
    return quiet(words, 400 if form.errors else 200)


def _told(user: User) -> str:
    """How this person hears that their password was changed; nothing when we cannot tell them."""
    ways = [way for way, there in (("by text", user.phone_index), ("by email", mail.wanted())) if there]
    return " and ".join(ways)
