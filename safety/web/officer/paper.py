"""The fourth screen, for a coordinator who keys in a paper form: the real times, and what has happened since."""

from __future__ import annotations

import uuid

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import referrals, registry
from safety.extensions import db
from safety.lifecycle import NotAllowed, Role
from safety.permissions import allow
from safety.referrals import on_paper
from safety.referrals.opening import KeepApartUnknown
from safety.web.forms.paper import PaperForm
from safety.web.gate import now
from safety.web.officer import find
from safety.web.officer.blueprint import me, pages


@pages.route("/find/<uuid:form_token>/paper", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def paper(form_token: uuid.UUID) -> ResponseReturnValue:
    """Sent, it opens the referral as it was asked for, with the bed and the arrival that followed."""
    officer = me()
    made = referrals.opened(officer=officer, form_token=form_token)
    if made is not None:
        return find.onward(made)
    so_far = find.begun(form_token, officer)
    where = find.where_of(so_far)
    if where is None:
        return redirect(url_for("officer.where", form_token=form_token), 303)
    houses = [house for provider in registry.providers() for house in provider.premises]
    form = PaperForm(now=now(), houses=houses)
    if request.method == "POST" and form.validate() and form.paper is not None:
        asked = find.request_of(so_far, where, find.force_of(so_far, officer))
        try:
            referral = on_paper.key_in(
                request=asked, paper=form.paper, officer=officer, form_token=form_token, now=now()
            )
        except KeepApartUnknown:
            db.session.rollback()
            return redirect(url_for("officer.needs", form_token=form_token), 303)
        except on_paper.TimesAmiss as amiss:
            _refused(form, f"{amiss.which}_time", amiss)
        except on_paper.SayWhy as refused:
            _refused(form, "why", refused)
        except (on_paper.TakenMeanwhile, NotAllowed) as refused:
            _refused(form, "room", refused)
        else:
            db.session.commit()
            broken = on_paper.not_met(referral)
            if broken:
                flash(
                    f"It is keyed in, and that room does not fit everything asked for: {broken}. Ring the house, and see whether "
                    "they can stay there.",
                    "notice",
                )
            return redirect(url_for("coordinator.referral", referral_id=referral.id), 303)
    html = render_template("officer/paper.html", form=form, form_token=form_token)
    return html, 400 if form.errors else 200


def _refused(form: PaperForm, name: str, refused: Exception) -> None:
    """Nothing of it is kept, and the page says why."""
    db.session.rollback()
    form.refuse(name, str(refused))
