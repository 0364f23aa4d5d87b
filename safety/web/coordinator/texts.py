"""Every text: where it stands, sent once more, and what those meant that nobody could tell."""

from __future__ import annotations

import uuid

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import inbox, outbox, people, texts
from safety.extensions import db
from safety.inbox import meaning
from safety.lifecycle import Role
from safety.permissions import NotYours, allow
from safety.referrals.timeline import MEANS
from safety.sms.explained import explain
from safety.web.coordinator.blueprint import pages
from safety.web.gate import me, now

_SHOWN = {"all": "All", "lost": "Did not get through", "waiting": "Waiting"}


@pages.get("/duty/texts")
@allow(Role.COORDINATOR)
def all_texts() -> ResponseReturnValue:
    """Every text of ours with its state, and before them those that came in and were not understood."""
    instant = now()
    which = request.args.get("show", "all")
    number = request.args.get("page", 1, type=int)
    page = texts.look(which=which, number=min(max(number, 1), 10_000))
    unclear = meaning.unclear(now=instant) if page.number == 1 else []
    indexes = {text.to_index for text in page.texts} | {text.sender_index for text in unclear}
    return render_template(
        "coordinator/texts.html",
        page=page,
        shown=_SHOWN,
        which=which if which in _SHOWN else "all",
        unclear=[(text, meaning.possible(text)) for text in unclear],
        whose=page.holders | people.telephones(indexes),
        nobodys=people.NOBODYS,
        means=MEANS,
        way=outbox.way,
        lost=texts.LOST,
        why=lambda text: explain(text.error).wrong if text.error and text.state in texts.LOST else "",
        why_not=lambda text: texts.why_not(text, instant),
        nothing=meaning.NOTHING,
    )


@pages.post("/duty/texts/<uuid:text_id>/again")
@allow(Role.COORDINATOR)
def send_again(text_id: uuid.UUID) -> ResponseReturnValue:
    """The same words once more."""
    try:
        texts.send_again(text_id=text_id, by=me().actor().by, now=now())
    except LookupError:
        raise NotYours from None
    except texts.NotAgain as refused:
        return _refused(refused)
    db.session.commit()
    flash("It is on its way again.", "success")
    return redirect(url_for("coordinator.all_texts"), 303)


@pages.post("/duty/texts/<uuid:inbound_id>/meant/<slug>")
@allow(Role.COORDINATOR)
def meant(inbound_id: uuid.UUID, slug: str) -> ResponseReturnValue:
    """What a text meant, done as if it had been written so."""
    try:
        inbox.mean(inbound_id=inbound_id, slug=slug, by=me().actor().by, now=now())
    except LookupError:
        raise NotYours from None
    except meaning.NotPossible as refused:
        return _refused(refused)
    db.session.commit()
    flash("Recorded.", "success")
    return redirect(url_for("coordinator.all_texts"), 303)


def _refused(refused: Exception) -> ResponseReturnValue:
    db.session.rollback()
    flash(f"{refused}. Nothing was changed.", "notice")
    return redirect(url_for("coordinator.all_texts"), 303)
