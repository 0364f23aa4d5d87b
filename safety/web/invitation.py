"""The link in an invitation: whoever opens it chooses a password, and the account is made.

The rules kept: looking uses nothing up; the token is in no log, no Referer and no page but the form that sends it back; nothing
tells somebody with a wrong link whether anybody was invited.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import accounts, invitations
from safety.extensions import db
from safety.models import Invitation, User
from safety.people import ROLES
from safety.permissions import ANYONE, allow
from safety.web import limits
from safety.web.forms.people import ChoosePasswordForm
from safety.web.gate import begins_its_own_write, now, retrying

pages = Blueprint("invitation", __name__)


def link(token: str) -> str:
    """The whole link of an invitation. The token is in the query, which no log of ours and no proxy's may hold."""
    return f"{current_app.config['POS_PUBLIC_URL']}{url_for('invitation.opened')}?key={token}"


@pages.route("/invitation", methods=["GET", "POST"])
@allow(ANYONE)
@begins_its_own_write
def opened() -> ResponseReturnValue:
    """GET: who is invited, and a password to choose. POST: the account, made once."""
    posted = request.method == "POST"
    if posted:
        limits.count(("invitation", limits.source(), current_app.config["SIGN_IN_PER_SOURCE"]))
    token = (request.form if posted else request.args).get("key", "")
    form = ChoosePasswordForm()
    try:
        found = invitations.find(token=token, now=now())
        if not posted or not form.validate():
            return _page(found, token, form)
        secret = chosen(found, form)
        if secret is None:
            return _page(invitations.find(token=token, now=now()), token, form)
        user = retrying(lambda: invitations.accept(token=token, password=secret, now=now()), deciding=False)
    except invitations.NoUse as refused:
        return quiet(render_template("invitation/no_use.html", why=str(refused)), 410)
    return redirect(url_for("invitation.waiting" if user.awaits_call_back else "invitation.ready"), 303)


@pages.get("/account-ready")
@allow(ANYONE)
def ready() -> ResponseReturnValue:
    """The account is made and can be used."""
    return render_template("invitation/ready.html")


@pages.get("/account-waits")
@allow(ANYONE)
def waiting() -> ResponseReturnValue:
    """The account is made; what it waits for, and what to do meanwhile."""
    return render_template("invitation/waiting.html")


def chosen(found: Invitation | User, form: ChoosePasswordForm) -> accounts.Hashed | None:
    """The password that was chosen, hashed with nothing held open; None when it is refused, and the form says why."""
    if form.again.data != form.password.data:
        form.refuse("again", "The two passwords are not the same. Enter the same password again")
        return None
    email, name = found.email, found.name
    db.session.rollback()
    try:
        return accounts.hashed(password=form.password.data, email=email, name=name)
    except accounts.WeakPassword as refused:
        form.refuse("password", str(refused))
        return None


def _page(found: Invitation, token: str, form: ChoosePasswordForm) -> Response:
    words = render_template(
        "invitation/choose_password.html", invitation=found, role=ROLES, token=token, form=form
    )
    return quiet(words, 400 if form.errors else 200)


def quiet(words: str, status: int) -> Response:
    """A page whose own address, with the token in it, the browser tells nobody: not even us."""
    page = make_response(words, status)
    # Flask-WTF wants a referrer on https, and looks at its scheme and host only.
    page.headers["Referrer-Policy"] = "strict-origin"
    return page
