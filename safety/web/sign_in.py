"""Signing in, out, and proving again who one is.

The rules kept: a browser has a session only once every step of signing in is done; the answer is the same whether the account
exists or not; each page shows the duty number.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from safety import accounts
from safety.extensions import db
from safety.permissions import ANYONE, SIGNED_IN, allow
from safety.web import limits
from safety.web.forms.sign_in import ProveForm, SignInForm
from safety.web.gate import begins_its_own_write, home, now, person, retrying, safe_next

pages = Blueprint("sign_in", __name__)

# An account may be tried so many times as often from everywhere together as from one place.
ANYWHERE = 10
NOT_RIGHT = "Enter the email address and password of your account. One of them is not right"

# What else somebody has to prove after the password. A passkey, a code or a force's single sign-on adds a function here that
# takes the claim and returns the endpoint that asks, or None for an account that does not use it. That endpoint finds the
# claim in session["claimed"] (account id as hex, and the path to go on to) and, once it is satisfied, ends in enter().
SECOND_STEPS: list[Callable[[accounts.Claim], str | None]] = []


@pages.route("/sign-in", methods=["GET", "POST"])
@allow(ANYONE)
@begins_its_own_write
def sign_in() -> ResponseReturnValue:
    """The sign-in page."""
    onward = safe_next(request.args.get("next"))
    form = SignInForm()
    if request.method != "POST":
        found = person()
        if found is not None:
            return redirect(onward or home(found.role), 303)
        return _page(form, onward)
    _count(form.email.data)
    if not form.validate():
        return _page(form, onward), 400
    instant = now()
    claim = accounts.claim(email=form.email.data)
    db.session.rollback()  # nothing is held while the password is hashed
    if not accounts.matches(claim=claim, password=form.password.data):
        retrying(lambda: accounts.refuse(claim=claim, now=instant), deciding=False)
        return _wrong(form, onward)
    for step in SECOND_STEPS:
        asking = step(claim)
        if asking is not None:
            session.clear()
            session["claimed"] = {"account": claim.user_id.hex if claim.user_id else "", "next": onward}
            return redirect(url_for(asking), 303)
    renewed = accounts.renewed(claim=claim, password=form.password.data)
    try:
        return enter(claim, onward, renewed)
    except accounts.AwaitsCallBack:
        return redirect(url_for("invitation.waiting"), 303)
    except accounts.Paused:
        return redirect(url_for("sign_in.paused"), 303)
    except accounts.Refused:
        return _wrong(form, onward)


@pages.get("/account-paused")
@allow(ANYONE)
def paused() -> ResponseReturnValue:
    """Whom to ring, for somebody for whom nobody has spoken for too long."""
    return render_template("sign_in/paused.html")


def enter(
    claim: accounts.Claim, onward: str | None, renewed: accounts.Hashed | None = None
) -> ResponseReturnValue:
    """Begin the session of a claim that is wholly proved, and go on. The only place where one begins.

    Raises accounts.Refused, accounts.AwaitsCallBack and accounts.Paused.
    """
    earlier = session.get("_user_id")
    begun = retrying(
        lambda: accounts.sign_in(claim=claim, renewed=renewed, earlier=earlier, now=now()), deciding=False
    )
    # Whoever signs in again after a time-out may still have a form open that they filled in on the road; its token goes on
    # being good for them, and for nobody else: the browser had to bring this person's own earlier session.
    token = session.get("csrf_token") if begun.same_person else None
    session.clear()
    if token:
        session["csrf_token"] = token
    session["_user_id"] = (
        begun.user.session_token
    )  # where Flask-Login looks; nothing else of a person is in the cookie
    return redirect(onward or home(begun.user.role), 303)


@pages.post("/sign-out")
@allow(ANYONE)
@begins_its_own_write
def sign_out() -> ResponseReturnValue:
    """End the session, whatever state it is in, and leave nothing in the browser."""
    token = session.get("_user_id")
    if token:
        retrying(lambda: accounts.sign_out(token=token, now=now()), deciding=False)
    session.clear()
    response = redirect(url_for("public.signed_out"), 303)
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return response


@pages.route("/prove-who-you-are", methods=["GET", "POST"])
@allow(*SIGNED_IN)
@begins_its_own_write
def prove() -> ResponseReturnValue:
    """The password once more, before something that asks for it."""
    onward = safe_next(request.args.get("next"))
    form = ProveForm()
    if request.method != "POST":
        return render_template("sign_in/prove.html", form=form, onward=onward)
    user = person()
    assert user is not None
    assert user.sign_in is not None
    email, role, sign_in_id = user.email, user.role, user.sign_in.id
    # By this session alone: whoever knows an e-mail address must not be able to keep its owner from the address of a house.
    limits.count(("prove", sign_in_id.hex, current_app.config["SIGN_IN_PER_ACCOUNT"]))
    if not form.validate():
        return render_template("sign_in/prove.html", form=form, onward=onward), 400
    claim = accounts.claim(email=email)
    db.session.rollback()
    if not accounts.matches(claim=claim, password=form.password.data):
        instant = now()
        retrying(lambda: accounts.refuse(claim=claim, now=instant), deciding=False)
        form.refuse("password", "Enter the password of your account. This one is not right")
        return render_template("sign_in/prove.html", form=form, onward=onward), 400
    try:
        token = retrying(
            lambda: accounts.prove(sign_in_id=sign_in_id, claim=claim, now=now()), deciding=False
        )
    except accounts.Refused:
        return redirect(url_for("sign_in.sign_in", next=onward), 303)
    session["_user_id"] = token
    return redirect(onward or home(role), 303)


def _count(email: str | None) -> None:
    """Count one try to sign in: at this account from here, at this account from anywhere, and from here at all."""
    per_account, source = current_app.config["SIGN_IN_PER_ACCOUNT"], limits.source()
    account = accounts.plain_email(email or "")
    limits.count(
        ("account_from", f"{account}\0{source}", per_account),
        # So much wider that guessing from one place, which stops long before, shuts nobody out elsewhere.
        ("account", account, limits.times(per_account, ANYWHERE)),
        ("source", source, current_app.config["SIGN_IN_PER_SOURCE"]),
    )


def _page(form: SignInForm, onward: str | None) -> str:
    # A browser that still carries a session that is over was signed out by the clock, or by the account being closed.
    return render_template("sign_in/sign_in.html", form=form, onward=onward, timed_out="_user_id" in session)


def _wrong(form: SignInForm, onward: str | None) -> ResponseReturnValue:
    form.refuse("email", NOT_RIGHT)
    return _page(form, onward), 400
