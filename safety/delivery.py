"""What becomes of a text or call: handing it to the supplier, what the supplier says of it, and who must know when it fails.

Stands above the outbox, which keeps the rows, fallback, which tries the next telephone, and duty, which raises the
alerts. The rule kept: no supplier is called inside a transaction, and a critical text that did not get through always reaches a
person.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from flask import current_app

from safety import duty, fallback, messages, outbox, sms, switching
from safety.extensions import db
from safety.models import Alert, AlertKind, Channel, Contact, Referral, Text

SUPPLIER = fallback.SUPPLIER
SPENDING = "supplier:spending"
_DAY = dt.timedelta(hours=24)
# So many tries of one text without success mean the supplier is failing, not the text.
FAILING_AFTER = 3


@dataclass(frozen=True)
class Result:
    """What came of one errand: sent (with the supplier's sid), refused, unanswered, or dropped because it was too late; elsewhere:
    whoever was called before does not have it and fails, so it may go by the other.

    supplier: who was called.
    """

    kind: Literal["sent", "refused", "unanswered", "dropped", "elsewhere"]
    sent: sms.Sent | None = None
    refused: sms.Refused | None = None
    code: str = ""
    supplier: str = ""

    @property
    def well(self) -> bool:
        """Whether recording it can raise no alert."""
        return self.kind in ("sent", "dropped", "elsewhere") and (
            self.sent is None or outbox.means(self.sent.status) not in outbox.LOST
        )


def lease_s() -> float:
    """How long a claim lasts: time to ask and to send, each up to the supplier's time-out, and a margin."""
    return float(2 * current_app.config["TWILIO_TIMEOUT_S"] + 20)


def hand_over(*, errand: outbox.Errand, now: dt.datetime) -> Result:
    """Call the supplier for one errand. No transaction may be open; nothing is written.

    When it may have been handed over before, the supplier is asked first, and what it has is never sent again.
    """
    supplier = sms.named(errand.supplier)
    try:
        if errand.ask_since is not None:
            had = _ask(supplier, errand, errand.ask_since)
            taken = outbox.known(one.sid for one in had) if had else set()
            db.session.rollback()
            ours = next((one for one in had if one.sid not in taken), None)
            if ours is not None:
                return Result("sent", sent=ours, supplier=supplier.name)
            better = errand.channel is Channel.TEXT and switching.chosen(now=now).name != supplier.name
            db.session.rollback()
            if better:
                return Result("elsewhere")
        worth_s = int((errand.worthless_at - now).total_seconds())
        # A process that was stopped in between must not send what another one has taken back.
        if worth_s < 1 or time.monotonic() > errand.good_until - current_app.config["TWILIO_TIMEOUT_S"]:
            return Result("dropped")
        return Result("sent", sent=_send(supplier, errand, worth_s), supplier=supplier.name)
    except sms.Refused as refused:
        return Result("refused", refused=refused, code=refused.code, supplier=supplier.name)
    except sms.Unanswered as unanswered:
        return Result("unanswered", code=unanswered.code, supplier=supplier.name)


def _send(supplier: sms.Supplier, errand: outbox.Errand, worth_s: int) -> sms.Sent:
    public = current_app.config["POS_PUBLIC_URL"]
    if errand.channel is Channel.CALL:
        return supplier.call(to=errand.to, words=errand.body, callback_url=f"{public}/twilio/call")
    return supplier.send(
        to=errand.to,
        body=errand.body if supplier.receives else messages.by_telephone(errand.body),
        validity_s=worth_s,
        callback_url=f"{public}/twilio/status",
        reference=errand.text_id.hex,
    )


def _ask(supplier: sms.Supplier, errand: outbox.Errand, since: dt.datetime) -> list[sms.Sent]:
    """What the supplier has of this text. However flatly it refuses to say, that is no word on the text itself."""
    try:
        if errand.channel is Channel.CALL:
            return supplier.find_calls(to=errand.to, since=since)
        return supplier.find(to=errand.to, body=errand.body, since=since, reference=errand.text_id.hex)
    except sms.Refused as refused:
        raise sms.Refused(refused.code, alarm=refused.alarm, retry_after_s=refused.retry_after_s) from None


def record(*, errand: outbox.Errand, result: Result, now: dt.datetime) -> Text | None:
    """Write what came of an errand, and raise or end the alerts that follow. None: another process has the text by now.

    The caller has begun a write; a deciding one unless result.well, because alerts are raised by one writer at a time.
    """
    if result.kind == "dropped":
        # Nothing was called, but whoever claims it next asks first: this process may have been stopped for a long time.
        return outbox.doubt(errand=errand, code="too_late", now=now)
    if result.kind == "elsewhere":
        return outbox.elsewhere(errand=errand, now=now)
    if result.sent is not None:
        sent = result.sent
        text = outbox.sent(
            errand=errand,
            supplier=result.supplier or sms.supplier().name,
            sid=sent.sid,
            status=sent.status,
            error=sent.error,
            now=now,
        )
        # That another carries the texts meanwhile mends nothing: somebody still has to.
        by_the_first = errand.channel is Channel.TEXT and result.supplier in ("", sms.supplier().name)
        if text is not None and by_the_first and not _is_about_supplier(text):
            duty.end(kind=AlertKind.SUPPLIER, subject=SUPPLIER, now=now)
    elif result.refused is not None:
        text = _refused(errand, result.refused, now)
    else:
        text = outbox.doubt(errand=errand, code=result.code, now=now)
        if text is not None:
            _failing(text, now)
    if text is not None:
        unwell = result.kind == "unanswered" or (result.refused is not None and not result.refused.permanent)
        # An account that may not ring, or a slow line of calls, is no reason to text by another supplier.
        if unwell and errand.channel is Channel.TEXT:
            switching.failed(supplier=result.supplier, code=result.code, now=now)
        _tell_of(text, now)
    return text


def _refused(errand: outbox.Errand, refused: sms.Refused, now: dt.datetime) -> Text | None:
    if refused.permanent:
        text = outbox.give_up(errand=errand, code=refused.code, now=now)
    else:
        text = outbox.again(errand=errand, code=refused.code, wait_s=refused.retry_after_s, now=now)
    if text is None:
        return None
    if refused.unreachable:
        unreachable(number_index=text.to_index, now=now)
    if refused.alarm:
        duty.raise_alert(kind=AlertKind.SUPPLIER, subject=SUPPLIER, now=now)
    elif not refused.permanent:
        _failing(text, now)
    return text


def _failing(text: Text, now: dt.datetime) -> None:
    """One text tried in vain is the supplier's failure if nothing else has gone through since it was queued."""
    if text.attempts < FAILING_AFTER:
        return
    others = sa.select(Text.id).where(Text.sent_at >= text.queued_at)
    if db.session.scalar(others.limit(1)) is None:
        duty.raise_alert(kind=AlertKind.SUPPLIER, subject=SUPPLIER, now=now)


def _is_about_supplier(text: Text) -> bool:
    """Whether this is the alarm itself: that it got out does not mean that all is well."""
    alert = db.session.get(Alert, text.alert_id) if text.alert_id else None
    return alert is not None and alert.kind == AlertKind.SUPPLIER


def _is_heard_of(text: Text) -> bool:
    """Whether this told of an alert that somebody has taken by now, or that is over."""
    alert = db.session.get(Alert, text.alert_id) if text.alert_id else None
    return alert is not None and not duty.needs_hearing(alert)


def _tell_of(text: Text, now: dt.datetime) -> None:
    """A critical text that is lost is said to somebody else, or needs a person at once."""
    if not text.critical:
        return
    if text.same_as_id is not None or text.is_followed:
        fallback.follow(text=text, now=now)
    elif text.state in outbox.LOST and not _is_heard_of(text):
        referral = db.session.get(Referral, text.referral_id) if text.referral_id else None
        duty.raise_alert(
            kind=AlertKind.TEXT_FAILED, subject=f"text:{text.id.hex}", referral=referral, now=now
        )


def unreachable(*, number_index: str, now: dt.datetime) -> None:
    """This number takes nothing from us any more (it unsubscribed, or is no mobile): the houses it stands for fall back on
    their next contact, and a person must know. The caller has begun a deciding write.
    """
    db.session.execute(
        sa.update(Contact)
        .where(Contact.phone_index == number_index, Contact.unreachable_at.is_(None))
        .values(unreachable_at=now)
    )
    duty.raise_alert(kind=AlertKind.TEXT_FAILED, subject=f"phone:{number_index}", now=now)


def receipt(*, sid: str, status: str, error: str | None, now: dt.datetime) -> Text | None:
    """What the supplier says became of a text (outbox.receipt), and the alert if it was critical and is lost.

    The caller has begun a deciding write. Returns the text if this moved it.
    """
    text = outbox.receipt(sid=sid, status=status, error=error, now=now)
    if text is not None:
        _tell_of(text, now)
    return text


def spending_is_news(*, now: dt.datetime) -> bool:
    """Whether note_spending() would raise or end anything; reads only."""
    return _spending(now) is not None


def note_spending(*, now: dt.datetime) -> None:
    """Tell a coordinator when more texts than SMS_DAILY_TEXTS went out in 24 hours, and end it when there are clearly fewer.

    It holds no text back: a bed is worth more than a bill. One text is one segment (messages.segments_problem), so texts are
    what the supplier charges for. The caller has begun a deciding write.
    """
    what = _spending(now)
    if what == "too much":
        duty.raise_alert(kind=AlertKind.SPEND, subject=SPENDING, now=now)
    elif what == "over":
        duty.end(kind=AlertKind.SPEND, subject=SPENDING, now=now)


def _spending(now: dt.datetime) -> Literal["too much", "over"] | None:
    most: int = current_app.config["SMS_DAILY_TEXTS"]
    count = db.session.scalar(sa.select(sa.func.count()).select_from(Text).where(Text.sent_at > now - _DAY))
    raised = duty.standing(kind=AlertKind.SPEND, subject=SPENDING) is not None
    if not raised:
        return "too much" if (count or 0) > most else None
    # A tenth below, or it would come and go with every text.
    return "over" if (count or 0) <= most * 0.9 else None


def tidy(*, now: dt.datetime) -> int:
    """End what is worthless, apply receipts that crossed with their sid, and try the next telephone for what was not heard of;
    returns how many texts that was.

    The caller has begun a deciding write.
    """
    fallback.call_off(now=now)
    moved = outbox.expire(now=now) + outbox.match(now=now)
    for text in moved:
        _tell_of(text, now)
    return len(moved) + fallback.climb(now=now)


def untidy(*, now: dt.datetime) -> bool:
    """Whether tidy() would find anything; reads only."""
    return (
        outbox.any_worthless(now=now)
        or outbox.any_unmatched()
        or fallback.due(now=now)
        or fallback.any_needless(now=now)
    )
