"""One's own account: the mobile, and the code that shows it is one's own.

The rules kept: nothing is shut to anybody because their mobile is not confirmed; a number is changed only by somebody who has
just given their password, and is theirs only once the code is typed in; how often codes are texted is counted.
"""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import attestation, mobiles
from safety.crypto import ring
from safety.extensions import db
from safety.people import ROLES
from safety.permissions import SIGNED_IN, allow
from safety.web import limits
from safety.web.forms.account import CodeForm, MobileForm
from safety.web.gate import begins_its_own_write, freshly_proved, home, me, now, prove_first, retrying

pages = Blueprint("account", __name__)

# So many codes are texted at one person's wish, and so many to one number at anybody's.
CODES = "3 per 10 minute; 10 per day"


@pages.get("/account")
@allow(*SIGNED_IN)
def mine() -> ResponseReturnValue:
    """Who one is here, and whether the mobile is confirmed."""
    user = me()
    return render_template(
        "account/home.html",
        user=user,
        roles=ROLES,
        confirmed=mobiles.confirmed(user, now()),
        due_at=attestation.due_at(user),
        overdue=attestation.due_at(user) <= now(),
        paused_at=attestation.paused_at(user),
        days=current_app.config["PHONE_VERIFIED_DAYS"],
    )


@pages.post("/account/mobile/send")
@allow(*SIGNED_IN)
@begins_its_own_write
def send() -> ResponseReturnValue:
    """Text a code to the mobile the account has."""
    user = me()
    if not user.phone:
        return redirect(url_for("account.mobile"), 303)
    return _texted(user.phone)


@pages.route("/account/mobile", methods=["GET", "POST"])
@allow(*SIGNED_IN)
@begins_its_own_write
def mobile() -> ResponseReturnValue:
    """Another mobile: a code is texted to it, and until that is typed in nothing is changed."""
    if not freshly_proved():
        return prove_first(url_for("account.mobile"))
    form = MobileForm()
    if request.method != "POST" or not form.validate():
        return render_template("account/mobile.html", form=form, user=me()), 400 if form.errors else 200
    return _texted(form.mobile.e164)


def _texted(number: str) -> ResponseReturnValue:
    user = me()
    user_id, by = user.id, user.actor().by
    limits.count(
        ("mobile_code", user_id.hex, CODES), ("mobile_code_to", ring().index("phone", number), CODES)
    )
    retrying(lambda: mobiles.send_code(user_id=user_id, number=number, by=by, now=now()), deciding=False)
    return redirect(url_for("account.code"), 303)


@pages.route("/account/mobile/code", methods=["GET", "POST"])
@allow(*SIGNED_IN)
def code() -> ResponseReturnValue:
    """The code that was texted."""
    user, form = me(), CodeForm()
    waiting = mobiles.waiting(user_id=user.id, now=now())
    if request.method != "POST" or not form.validate():
        return _ask(form, waiting.phone if waiting else None)
    number = waiting.phone if waiting else None
    try:
        changed = mobiles.confirm(user_id=user.id, typed=form.code.digits, by=user.actor().by, now=now())
    except mobiles.WrongCode as refused:
        db.session.commit()  # the try counts
        form.refuse("code", str(refused))
        return _ask(form, None if isinstance(refused, mobiles.NoCode) else number)
    db.session.commit()
    flash("Your mobile is changed and confirmed." if changed else "Your mobile is confirmed.", "success")
    return redirect(home(me().role), 303)


def _ask(form: CodeForm, number: str | None) -> ResponseReturnValue:
    page = render_template("account/code.html", form=form, number=number)
    return page, 400 if form.errors else 200
