"""The telephones of the demonstration: each text as it arrives, and a box for what the person would answer.

The rule kept: it is there only while the simulator is the supplier, and what is typed goes the very way of a text to Twilio.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field

import sqlalchemy as sa
from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import inbox
from safety.crypto import ring
from safety.extensions import db, new_id
from safety.lifecycle import LIVE_REFERRAL
from safety.models import Contact, Premises, Referral, SimulatedEmail, SimulatedText, User
from safety.permissions import ANYONE, allow
from safety.sms.simulator import keep
from safety.web.forms import Form, Pick, Text
from safety.web.gate import now, poll
from safety.web.wire import fragment

pages = Blueprint("phones", __name__, url_prefix="/phones")

# A wall of more telephones than this cannot be looked at.
_MOST_PHONES = 12
_MOST_TEXTS = 12
_LATELY = 400


def wanted(app: Flask) -> bool:
    """Only where no text leaves the machine."""
    return bool(app.config["POS_SMS"] == "simulator")


class ReplyForm(Form):
    """What somebody types into their telephone."""

    words = Text("Reply", needed="Type the text to send", subject="The text", most=1600)


class OtherForm(ReplyForm):
    """A text from a telephone that has had none yet."""

    phone = Pick("Telephone", needed="Choose whose telephone it is", nothing="Choose a telephone")


@dataclass
class Phone:
    """One telephone. id: its number's keyed fingerprint, which stands for the number in addresses."""

    id: str
    number: str
    label: str
    texts: list[SimulatedText] = field(default_factory=list)

    @property
    def form(self) -> ReplyForm:
        """An empty box for this telephone."""
        return ReplyForm(prefix=self.id, formdata=None)


@pages.get("")
@allow(ANYONE)
def wall() -> ResponseReturnValue:
    """Every telephone that has texts, the latest first."""
    return _wall()


@pages.get("/<string(length=32):phone_id>/texts")
@allow(ANYONE)
@poll
def texts(phone_id: str) -> ResponseReturnValue:
    """The latest texts of one telephone, for the page that shows it."""
    if not re.fullmatch("[0-9a-f]{32}", phone_id):
        abort(404)
    latest = sa.select(SimulatedText).where(SimulatedText.number_index == phone_id)
    found = db.session.scalars(latest.order_by(SimulatedText.at.desc()).limit(_MOST_TEXTS)).all()
    return fragment(render_template("phones/texts.html", texts=found[::-1]))


@pages.get("/more-than/<int:shown>")
@allow(ANYONE)
@poll
def more(shown: int) -> ResponseReturnValue:
    """Whether there are telephones with texts that a page with so many does not show."""
    return fragment(render_template("phones/more.html", more=len(_with_texts(_directory())) > shown))


@pages.post("/<string(length=32):phone_id>")
@allow(ANYONE)
def reply(phone_id: str) -> ResponseReturnValue:
    """Send what was typed into one telephone."""
    phone = _directory().get(phone_id)
    if phone is None:
        abort(404)
    form = ReplyForm(prefix=phone.id)
    if not form.validate():
        return _wall(form, phone.id), 400
    return _send(phone, form.words.data)


@pages.post("/another")
@allow(ANYONE)
def another() -> ResponseReturnValue:
    """Send what was typed for a telephone chosen from the list."""
    directory = _directory()
    form = _other(directory)
    if not form.validate():
        return _wall(form), 400
    return _send(directory[form.phone.data], form.words.data)


def _send(phone: Phone, words: str) -> ResponseReturnValue:
    # Pressed twice, it is one text: the page gave this press its own number.
    once = request.form.get("once", "")
    sid = f"SM{once if re.fullmatch('[0-9a-f]{32}', once) else new_id().hex}"
    if db.session.scalar(sa.select(SimulatedText.id).where(SimulatedText.sid == sid)) is None:
        keep(number=phone.number, body=words, from_us=False, now=now(), sid=sid)
        inbox.receive(sid=sid, sender=phone.number, body=words, now=now())
    db.session.commit()
    return redirect(url_for("phones.wall", _anchor=f"phone-{phone.id}"), 303)


def _wall(form: ReplyForm | None = None, at: str | None = None) -> str:
    """The page; `form`, with what is wrong in it, stands in the place of the empty one of telephone `at` or of the list."""
    directory = _directory()
    phones = _with_texts(directory)
    shown = phones[:_MOST_PHONES]
    if at is not None and at not in {phone.id for phone in shown}:
        shown.append(directory[at])
    return render_template(
        "phones/wall.html",
        phones=shown,
        count=len(phones),
        other=form if isinstance(form, OtherForm) else _other(directory, fresh=True),
        form=form,
        form_at=at,
        once=lambda: new_id().hex,
        emails=db.session.scalars(
            sa.select(SimulatedEmail).order_by(SimulatedEmail.at.desc()).limit(_MOST_TEXTS)
        ).all(),
    )


def _other(directory: dict[str, Phone], *, fresh: bool = False) -> OtherForm:
    form = OtherForm(prefix="other", **({"formdata": None} if fresh else {}))
    form.phone.offer(
        {phone.id: phone.label for phone in sorted(directory.values(), key=lambda phone: phone.label)}
    )
    return form


def _with_texts(directory: dict[str, Phone]) -> list[Phone]:
    """The telephones that have texts, and the coordinator's; the one with the latest first."""
    for text in db.session.scalars(sa.select(SimulatedText).order_by(SimulatedText.at.desc()).limit(_LATELY)):
        phone = directory.get(text.number_index)
        if phone is None:
            number = text.number
            phone = directory[text.number_index] = Phone(
                text.number_index, number, "A telephone of an earlier demonstration"
            )
        if len(phone.texts) < _MOST_TEXTS:
            phone.texts.insert(0, text)
    on_call = ring().index("phone", current_app.config["ON_CALL_MOBILE"])
    long_ago = dt.datetime.min.replace(tzinfo=dt.UTC)
    wanted_ones = [phone for phone in directory.values() if phone.texts or phone.id == on_call]
    return sorted(
        wanted_ones, key=lambda phone: phone.texts[-1].at if phone.texts else long_ago, reverse=True
    )


def _directory() -> dict[str, Phone]:
    """Every telephone of the scheme by its id: on call, of houses, of officers."""
    found: dict[str, Phone] = {}

    def add(number: str | None, label: str) -> None:
        if number:
            phone_id = ring().index("phone", number)
            found.setdefault(phone_id, Phone(phone_id, number, label))

    add(current_app.config["ON_CALL_MOBILE"], "Coordinator on call")
    contacts = sa.select(Contact, Premises.name).join(Premises, Premises.id == Contact.premises_id)
    for contact, name in db.session.execute(contacts.order_by(Premises.name, Contact.position)):
        add(contact.phone, name if contact.position == 1 else f"{name}, telephone {contact.position}")
    live = sa.select(Referral).where(Referral.state.in_(LIVE_REFERRAL)).order_by(Referral.opened_at.desc())
    for referral in db.session.scalars(live.limit(_LATELY)):
        add(referral.officer_phone, f"Officer of {referral.spoken}")
    for person in db.session.scalars(
        sa.select(User).where(User.phone_index.is_not(None)).order_by(User.name)
    ):
        add(person.phone, f"{person.name}, {person.role}")
    return found
