"""The one way out to a text supplier. Nothing outside this package knows which one there is, or imports its library.

The rule kept: a supplier is called with no transaction open, and a call that was not answered is never taken for a no.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Protocol, cast

from flask import current_app

from safety import messages

# Our word for a call that a machine took: nobody heard it.
MACHINE: Final = "machine"


@dataclass(frozen=True)
class Sent:
    """What a supplier has of a text or call: its own id for it, and its word for where it stands ("queued", "delivered")."""

    sid: str
    status: str
    error: str | None = None


@dataclass(frozen=True)
class Received:
    """A text somebody sent to our number, as the supplier has it. sender: E.164 for a telephone; sent_at: aware, its own time."""

    sid: str
    sender: str
    body: str
    sent_at: dt.datetime


@dataclass(frozen=True)
class Listed:
    """One text of ours as it stands in the supplier's own record. at: when the supplier took it, aware; None: it does not say.

    Neither the number nor the words of the text are kept. trial: an operator's test, which never was in the outbox.
    """

    sid: str
    status: str
    error: str | None
    at: dt.datetime | None
    trial: bool = False


class Refused(Exception):
    """The supplier said no, so it does not have the text.

    code: the supplier's code, fit for a record. permanent: saying it again would change nothing. alarm: the fault is in our
    account or settings, and every text meets it. unreachable: this number will take nothing from us.
    retry_after_s: how long the supplier asked us to wait, in seconds.
    """

    def __init__(
        self,
        code: str,
        *,
        permanent: bool = False,
        alarm: bool = False,
        unreachable: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"the supplier refused: {code}")
        self.code = code
        self.permanent = permanent
        self.alarm = alarm
        self.unreachable = unreachable
        self.retry_after_s = retry_after_s


class Unanswered(Exception):
    """No answer, or none that could be read: the supplier may or may not have the text."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the supplier did not answer: {code}")
        self.code = code


class Supplier(Protocol):
    """What every supplier can do. Each call may take as long as its time-out, and raise Refused or Unanswered."""

    name: str
    receives: bool  # whether an answer to its texts reaches us

    def send(self, *, to: str, body: str, validity_s: int, callback_url: str, reference: str = "") -> Sent:
        """Hand one text over. to: E.164; validity_s: after how many seconds the supplier should give the text up; reference: our
        own id for it, by which some can be asked.
        """
        ...

    def find(self, *, to: str, body: str, since: dt.datetime, reference: str = "") -> list[Sent]:
        """Every text with these words that the supplier took from us for this number since then, or under this reference where it
        keeps that; oldest first.
        """
        ...

    def call(self, *, to: str, words: str, callback_url: str) -> Sent:
        """Ring `to` (E.164) and say the words, twice. They are words of a text: who says them spells what has to be spelt."""
        ...

    def find_calls(self, *, to: str, since: dt.datetime) -> list[Sent]:
        """Every call that the supplier made from us to this number since then, oldest first."""
        ...

    def received(self, *, since: dt.datetime) -> list[Received]:
        """Every text that came in to our number since then, oldest first, whether or not we were told of it."""
        ...

    def listed(self, *, since: dt.datetime) -> list[Listed]:
        """Every text the supplier took from us since then, whoever asked for it; a long list is cut, its oldest left out."""
        ...

    def look(self, *, sid: str) -> Listed | None:
        """How one text or call stands; None when the supplier has none of that id."""
        ...

    def blank(self, *, sid: str) -> None:
        """Have the supplier forget the words of a text that is over. One it does not have is as good as forgotten."""
        ...


def is_trial(body: str) -> bool:
    """Whether these are the words of an operator's test, which goes to the supplier past the outbox."""
    return body.startswith(messages.trying(messages.Matter()))


def supplier() -> Supplier:
    """The supplier this app is set to use first, made once."""
    made = current_app.extensions.get("sms")
    if made is None:
        settings = current_app.config["SETTINGS"]
        if settings.POS_SMS == "twilio":
            from safety.sms.twilio import Twilio

            made = Twilio(settings)
        else:
            from safety.sms.simulator import Simulator

            made = Simulator()
        current_app.extensions["sms"] = made
    return cast(Supplier, made)


def second() -> Supplier | None:
    """The supplier for when the first fails, made once; None where none is set."""
    made = current_app.extensions.get("sms_second")
    settings = current_app.config["SETTINGS"]
    if made is None and settings.POS_SMS_SECOND == "notify":
        from safety.sms.notify import Notify

        made = current_app.extensions["sms_second"] = Notify(settings)
    return cast("Supplier | None", made)


def named(name: str | None) -> Supplier:
    """The supplier that is called so; the first for a name nobody here has (any more)."""
    other = second()
    return other if other is not None and other.name == name else supplier()
