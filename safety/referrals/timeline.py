"""One time line of a referral: what happened, every text with its way, every text that came in, every alert, in one order.

For coordinators. The rule kept: who and which house by name, never a number, an address, or what somebody is called; of a text
its own words, which hold none of these.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from safety import lifecycle, matching, messages, outbox, people, workdays
from safety.extensions import db
from safety.models import (
    Alert,
    AlertKind,
    AuditEvent,
    Channel,
    Inbound,
    MessageState,
    Placement,
    Premises,
    Referral,
    Text,
)
from safety.models.alerts import ALERT_WORDS
from safety.referrals.handover import ADDRESS, BORDER, HAND_OVER, OVERRIDE
from safety.referrals.heard import outcome_words, taken_for
from safety.sms.explained import explain

EVENTS: Mapping[str, str] = {
    "open": "Asked for a place",
    "hold": "A bed was held",
    "confirm": "The house said yes",
    "decline": "The house said no",
    "decline_reason": "The house said why",
    "lapse": "The house did not answer in time",
    "withdraw": "The house took its yes back",
    "cancel": "The bed was not wanted",
    "set_off": "Set off",
    "late": "Running late",
    "arrive": "Arrived",
    "release": "Nobody set off in time, so the bed came free",
    "not_arrived": "Did not arrive",
    "move": "Moved to another room",
    "transfer": "Moved to another house",
    "extend": "The stay was extended",
    "longer": "The house was given longer to answer",
    "plan": "Said where they go next",
    "hand_over": "A coordinator handed it to another officer",
    "depart": "Left",
    "said_afterwards": "Said where they went and what they decided",
    "correct": "A mistake was put right",
    "close": "The request was closed",
    "take_over": "A colleague took it over",
    "resume": "The search began again",
    "placed_by_hand": "Placed by hand",
    "placed_with_others": "Placed with others of the operation",
    "joined_operation": "Put under an operation",
    "follow_force": "Its force became part of another",
    "keyed_in": "Keyed in from paper",
    "across_border": "Looking in every nation",
    "address_opened": "The officer opened the address",
    "nothing_fits": "Nothing fitted",
    "late_yes": "The house said yes too late, so nothing was changed",
    "arrived_without_bed": "Arrived, and the bed was gone",
    "ask_everybody": "Every house that could make room was asked",
    "ask_yes": "The house said that it can make room",
    "ask_no": "The house said that it has no room",
    "asks_lapsed": "Houses that were asked to make room did not answer in time",
    "asks_settled": "Houses that were asked to make room were told that it is settled",
    "alert_released": "An alert can be taken again: the account of whoever had taken it was closed",
    "details": "The officer told the house more",
    "text_again": "A text was sent again",
    "text_meant": "A coordinator said what a text meant",
    "erased": "What was known of them was erased",
}
MEANS: Mapping[str, str] = {
    wording.__name__: (wording.__doc__ or "").strip().rstrip(".") for wording in messages.WORDINGS
}
# Alerts have rows of their own, which know their end.
_ELSEWHERE = ("alert", "alert_claimed")
_LOST = (MessageState.UNDELIVERED, MessageState.FAILED, MessageState.EXPIRED)
_TIMES = {
    "eta_at": "expected",
    "stay_until": "until",
    "answer_by": "the house answers by",
    "arrived_at": "came in",
    "departed_at": "left",
}


@dataclass(frozen=True)
class Line:
    """One thing that happened.

    what: the thing itself; more: the house, the reason and the like, in words; by: who did it, nothing for a text; said: the
    words of a text; way: of a text of ours, where it stood and since when, oldest first; amiss: somebody was not reached, or an
    alert stands.
    """

    at: dt.datetime
    what: str
    by: str = ""
    more: tuple[str, ...] = ()
    said: str = ""
    way: tuple[tuple[str, dt.datetime], ...] = ()
    amiss: bool = False


def timeline(referral: Referral, now: dt.datetime) -> Sequence[Line]:
    """Everything that happened about a referral, the newest first: whoever opens it at night asks what has just happened.

    Of things of one moment the last to be written stands first.
    """
    events = db.session.scalars(
        sa.select(AuditEvent)
        .where(AuditEvent.referral_id == referral.id, AuditEvent.what.not_in(_ELSEWHERE))
        .order_by(AuditEvent.id)
    ).all()
    texts = db.session.scalars(
        sa.select(Text).where(Text.referral_id == referral.id).order_by(Text.queued_at, Text.id)
    ).all()
    theirs = sa.select(Placement.id).where(Placement.referral_id == referral.id)
    came = db.session.scalars(
        sa.select(Inbound).where(Inbound.placement_id.in_(theirs)).order_by(Inbound.received_at, Inbound.id)
    ).all()
    alerts = db.session.scalars(
        sa.select(Alert).where(Alert.referral_id == referral.id).order_by(Alert.raised_at, Alert.id)
    ).all()
    labels = {event.by for event in events} | {alert.claimed_by for alert in alerts if alert.claimed_by}
    indexes = {text.to_index for text in texts} | {one.sender_index for one in came}
    names = _Names(labels, indexes, {event.premises_id for event in events if event.premises_id}, referral)
    lines = [
        *(line for text in came for line in _came(text, names)),
        *(_happened(event, names, now) for event in events),
        *(line for alert in alerts for line in _alert(alert, names)),
        *(_text(text, names) for text in texts),
    ]
    lines.sort(key=lambda line: line.at)  # keeps what belongs to one moment in this order: asked, done, told
    return lines[::-1]


class _Names:
    """Who and which house, in words."""

    def __init__(
        self, labels: Iterable[str], indexes: Iterable[str], houses: Iterable[uuid.UUID], referral: Referral
    ) -> None:
        signed = set(labels)
        phones = {label.partition(":")[2] for label in signed if label.startswith("phone:")}
        self._telephones = dict(people.telephones(phones | set(indexes)))
        holders = referral.officer_phone_index
        if holders is not None:
            self._telephones.setdefault(holders, referral.holder.name)
        self._signed = people.named(signed)
        found = sa.select(Premises.id, Premises.name).where(Premises.id.in_(list(houses)))
        self._houses = {row.id: row.name for row in db.session.execute(found)}

    def who(self, label: str) -> str:
        """Who signed, a telephone by whose it is."""
        kind, _, index = label.partition(":")
        if kind == "phone" and index in self._telephones:
            return f"{self._telephones[index]}, by text"
        return self._signed[label]

    def whose(self, index: str) -> str:
        """Whose telephone."""
        return self._telephones.get(index, people.NOBODYS)

    def house(self, premises_id: uuid.UUID | None) -> str:
        """Which house; nothing for none."""
        return self._houses.get(premises_id, "") if premises_id else ""


def _happened(event: AuditEvent, names: _Names, now: dt.datetime) -> Line:
    more = [names.house(event.premises_id), *_reasons(event), *_facts(event, now)]
    what = EVENTS.get(event.what, event.what.replace("_", " ").capitalize())
    return Line(event.at, what, names.who(event.by), tuple(words for words in more if words))


def _reasons(event: AuditEvent) -> list[str]:
    """Why, in the words it was chosen by."""
    lists: tuple[Mapping[str, str], ...] = (
        *lifecycle.REASONS.values(),
        lifecycle.CLOSE,
        lifecycle.TAKE_OVER,
    )
    own: Mapping[str, Mapping[str, str]] = {
        **{str(of): known for of, known in lifecycle.REASONS.items()},
        "across_border": BORDER,
        "placed_by_hand": OVERRIDE,
        "address_opened": ADDRESS,
        "take_over": lifecycle.TAKE_OVER,
        "hand_over": HAND_OVER,
        "close": {**lifecycle.CLOSE, "departed": "The stay is over"},
    }
    reason = str(event.facts.get("why") or event.facts.get("reason") or "")
    words = own.get(event.what, {}).get(reason) or next(
        (known[reason] for known in lists if reason in known), ""
    )
    found = [words] if words else []
    if event.facts.get("override"):
        found.append("Not met: " + "; ".join(_causes(event.facts["override"])))
    if event.what == "text_meant":
        found = [f"It meant: {taken_for(reason)}"]
    if event.what == "nothing_fits":
        found += _causes(event.facts.get("causes", ()))
    return found


def _causes(codes: Iterable[str]) -> list[str]:
    return [matching.CAUSE_WORDS[matching.Cause(code)] for code in codes if code in set(matching.Cause)]


def _facts(event: AuditEvent, now: dt.datetime) -> list[str]:
    """The times and the place an event was recorded with."""
    found = [
        f"{words} {workdays.day_words(dt.datetime.fromisoformat(event.facts[name]), now)}".capitalize()
        for name, words in _TIMES.items()
        if event.facts.get(name)
    ]
    where = lifecycle.ONWARD.get(event.facts.get("onward") or "")
    return [*found, where] if where else found


def _text(text: Text, names: _Names) -> Line:
    why = explain(text.error).wrong if text.state in _LOST and text.error else ""
    more = (MEANS.get(text.wording, text.wording), why)
    return Line(
        text.queued_at,
        f"{'Call' if text.channel == Channel.CALL else 'Text'} to {names.whose(text.to_index)}",
        more=tuple(words for words in more if words),
        said=text.body or "",
        way=outbox.way(text),
        amiss=text.state in _LOST,
    )


def _came(text: Inbound, names: _Names) -> Iterable[Line]:
    more = (f"Taken for: {taken_for(text.meaning)}", outcome_words(text.outcome))
    yield Line(
        text.received_at,
        f"Text from {names.whose(text.sender_index)}",
        more=tuple(words for words in more if words),
        said=text.body or "",
    )


def _alert(alert: Alert, names: _Names) -> Iterable[Line]:
    words = ALERT_WORDS[AlertKind(alert.kind)]
    yield Line(alert.raised_at, f"Alert: {words}", amiss=alert.ended_at is None)
    if alert.claimed_at and alert.claimed_by:
        yield Line(alert.claimed_at, f"Alert taken: {words}", names.who(alert.claimed_by))
    if alert.ended_at:
        yield Line(alert.ended_at, f"Alert over: {words}", more=("Its cause is gone",))
