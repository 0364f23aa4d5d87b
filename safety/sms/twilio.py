"""Twilio, through its own library: the only file that imports it.

The rule kept: a time-out is "we do not know", a refusal says whether it is worth trying again, and nothing of a call is logged
(at INFO the library writes whole query strings, telephone numbers included).
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from flask import current_app
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import HttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse

from config import Settings
from safety.sms import MACHINE, Listed, Received, Refused, Sent, Unanswered, is_trial
from safety.sms.aloud import aloud

LONGEST_S = 36000
# A trial account puts this before every text; without knowing it we could not find our own words again.
_TRIAL = "Sent from your Twilio trial account - "
_MOST_LISTED = 400
# Of what came in: more than a scheme gets in a day. What is left out is the oldest, which an earlier round has seen.
_MOST_RECEIVED = 2000
# Of what went out, in a day.
_MOST_COMPARED = 5000
_CLOCKS_APART = dt.timedelta(minutes=2)
# Of a call. Twilio adds up to 5 s to the first; most networks give a call to the mailbox after 25 to 30 s.
_RING_S = 20
_LONGEST_CALL_S = 120
_VOICE, _LANGUAGE = "Polly.Amy", "en-GB"

# Twilio's error codes, as its documentation explains them (twilio.com/docs/api/errors). What is not named here is judged by
# the HTTP status alone.
_UNREACHABLE = {
    21610,  # the number has unsubscribed
    21211,  # no such number
    21614,  # not a mobile
    30005,  # unknown handset
    30006,  # a landline
}
_ALARM = {
    20003,  # our key is not accepted
    20005,  # our account is not active
    20404,  # no such account
    21210,  # our own number may not be shown as the caller
    21212,  # our own number is wrong
    21215,  # we may not ring that country
    21408,  # we may not send to that country
    21606,  # our own number cannot send
    21611,  # our own number's queue is full
    21659,  # our own number is not ours
    30002,  # our account is suspended
    30007,  # filtered as unwanted: our wording is at fault
}
_PERMANENT = {
    21602,  # no words
    21612,  # that number cannot be reached from ours
    21617,  # too many words
    30004,  # blocked
    30410,  # gave up at their side, and asks not to be tried again
}
_LATER = {
    20429,  # too many requests
    14107,  # too many texts
    21611,  # the queue is full: an alarm, and worth trying again
    30001,  # the queue overflowed
    30003,  # switched off or out of reach
    30008,  # unknown
}


_CALL = "CA"  # how Twilio's id of a call begins

# The answer to a question about one text that Twilio does not have.
_NONE_SUCH = {"20404", "404"}


class _Busy(Exception):
    def __init__(self, retry_after_s: float | None) -> None:
        super().__init__("429")
        self.retry_after_s = retry_after_s


class _Wire(HttpClient):  # type: ignore[misc]
    """What lies between the library and the network: sends calls to TWILIO_API_BASE, and keeps Retry-After, which the
    library's own exceptions lose.
    """

    def __init__(self, inner: HttpClient, base: str) -> None:
        super().__init__(logging.getLogger("twilio.http_client"), False, None)
        self._inner = inner
        self._base = urlsplit(base) if base else None

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        """One call, at the redirected address if there is one. Raises _Busy for a 429."""
        if self._base is not None:
            parts = urlsplit(url)
            url = urlunsplit((self._base.scheme, self._base.netloc, parts.path, parts.query, ""))
        response = self._inner.request(method, url, *args, **kwargs)
        if response.status_code == 429:
            raise _Busy(_seconds(response.headers))
        return response


def _seconds(headers: Mapping[str, str] | None) -> float | None:
    value = {name.lower(): value for name, value in (headers or {}).items()}.get("retry-after", "")
    # The other form of the header, a date, is not one Twilio uses; without seconds our own waits apply.
    return float(value) if value.isascii() and value.isdigit() else None


class Twilio:
    """The account, number and key of the settings. `transport` replaces the network in tests."""

    name = "twilio"
    receives = True

    def __init__(self, settings: Settings, transport: HttpClient | None = None) -> None:
        for name in ("twilio", "twilio.http_client"):
            logging.getLogger(name).setLevel(logging.WARNING)
        # Below the library: at DEBUG the address of every call, and as a warning that of one whose headers it could not read.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._transport = transport or TwilioHttpClient(timeout=settings.TWILIO_TIMEOUT_S, max_retries=0)
        self._from = settings.TWILIO_FROM
        self._client = Client(
            settings.TWILIO_KEY_SID,
            settings.TWILIO_KEY_SECRET,
            settings.TWILIO_ACCOUNT_SID,
            http_client=_Wire(self._transport, settings.TWILIO_API_BASE),
        )

    def send(self, *, to: str, body: str, validity_s: int, callback_url: str, reference: str = "") -> Sent:
        """Hand one text over. Raises Refused or Unanswered."""
        with _in_our_words():
            message = self._client.messages.create(
                to=to,
                from_=self._from,
                body=body,
                status_callback=callback_url,
                validity_period=max(1, min(validity_s, LONGEST_S)),
            )
            if not message.sid:
                raise Unanswered("no_sid")
            return _as_sent(message)

    def find(self, *, to: str, body: str, since: dt.datetime, reference: str = "") -> list[Sent]:
        """What Twilio took from us for this number, oldest first. Raises Refused or Unanswered.

        Not filtered by DateSent, which a text still in Twilio's queue does not have.
        """
        with _in_our_words():
            found = []
            for message in self._client.messages.stream(
                to=to, from_=self._from, page_size=100, limit=_MOST_LISTED
            ):
                if message.date_created is not None and message.date_created < since - _CLOCKS_APART:
                    continue
                if (message.body or "").removeprefix(_TRIAL) == body:
                    found.append(_as_sent(message))
            return found[::-1]

    def call(self, *, to: str, words: str, callback_url: str) -> Sent:
        """Ring one number and say the words. Raises Refused or Unanswered.

        Twilio listens whether a person or a machine took it: a mailbox is not somebody who knows.
        """
        with _in_our_words():
            call = self._client.calls.create(
                to=to,
                from_=self._from,
                twiml=spoken(words),
                status_callback=callback_url,
                timeout=_RING_S,
                time_limit=_LONGEST_CALL_S,
                machine_detection="Enable",
            )
            if not call.sid:
                raise Unanswered("no_sid")
            return _as_called(call)

    def find_calls(self, *, to: str, since: dt.datetime) -> list[Sent]:
        """What Twilio made of calls from us to this number, oldest first. Raises Refused or Unanswered.

        Not filtered by StartTime, which a call still in Twilio's queue does not have.
        """
        with _in_our_words():
            found = [
                _as_called(call)
                for call in self._client.calls.stream(
                    to=to, from_=self._from, page_size=100, limit=_MOST_LISTED
                )
                if call.date_created is None or call.date_created >= since - _CLOCKS_APART
            ]
            return found[::-1]

    def received(self, *, since: dt.datetime) -> list[Received]:
        """What came in to our number since then, oldest first. Raises Refused or Unanswered.

        For a text that comes in DateSent is when Twilio got it, so here it may be asked for; Twilio may take it by the day.
        One that does not say when it came counts as the oldest there can be: it is never lost, and never taken for new.
        """
        found = []
        with _in_our_words():
            for message in self._client.messages.stream(
                to=self._from, date_sent_after=since, page_size=200, limit=_MOST_RECEIVED
            ):
                sent_at = message.date_sent or since
                if message.direction == "inbound" and message.sid and message.from_ and sent_at >= since:
                    found.append(Received(message.sid, message.from_, message.body or "", sent_at))
        # Twilio gives the newest first and times to the second: those of one second keep the order they came in.
        found.reverse()
        found.sort(key=lambda text: text.sent_at)
        return found

    def listed(self, *, since: dt.datetime) -> list[Listed]:
        """What Twilio took from our number since then, newest first; at most _MOST_COMPARED. Raises Refused or Unanswered.

        Asked by DateSent, which Twilio may take by the day. Whether a text still in its queue, which has no such date, is told
        at all is written nowhere: whoever misses one asks for it by look().
        """
        with _in_our_words():
            messages = self._client.messages.stream(
                from_=self._from, date_sent_after=since, page_size=1000, limit=_MOST_COMPARED
            )
            found = [_as_listed(message) for message in messages if message.direction != "inbound"]
            return [one for one in found if one.sid and (one.at is None or one.at >= since)]

    def look(self, *, sid: str) -> Listed | None:
        """How one text or call stands; None when Twilio has none of that id. Raises Refused or Unanswered."""
        try:
            with _in_our_words():
                if sid.startswith(_CALL):
                    call = self._client.calls(sid).fetch()
                    return Listed(sid, _as_called(call).status, None, call.date_created)
                return _as_listed(self._client.messages(sid).fetch())
        except Refused as refused:
            if refused.code in _NONE_SUCH:
                return None
            raise

    def blank(self, *, sid: str) -> None:
        """Have Twilio forget the words of a text that is over. Raises Refused (also while it is not over) or Unanswered."""
        try:
            with _in_our_words():
                self._client.messages(sid).update(body="")
        except Refused as refused:
            if refused.code not in _NONE_SUCH:
                raise

    def close(self) -> None:
        """Let go of the connections that are kept open."""
        session = getattr(self._transport, "session", None)
        if session is not None:
            session.close()


def _as_sent(message: Any) -> Sent:
    return Sent(message.sid, str(message.status), str(message.error_code) if message.error_code else None)


def _as_listed(message: Any) -> Listed:
    error = str(message.error_code) if message.error_code else None
    at = message.date_created or message.date_sent
    return Listed(
        message.sid or "", str(message.status), error, at, is_trial((message.body or "").removeprefix(_TRIAL))
    )


def _as_called(call: Any) -> Sent:
    return Sent(call.sid, call_word(str(call.status), call.answered_by))


def call_word(status: str, answered_by: str | None) -> str:
    """Twilio's word for where a call stands; sms.MACHINE instead of "completed" when no person took it."""
    by_machine = (answered_by or "").startswith(("machine", "fax"))
    return MACHINE if status == "completed" and by_machine else status


def spoken(words: str) -> str:
    """The TwiML of a call that says the words twice, with what has to be spelt spelt out."""
    response = VoiceResponse()
    for _ in range(2):
        response.say(aloud(words), voice=_VOICE, language=_LANGUAGE)
        response.pause(length=1)
    return str(response)


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Turns whatever the library raises into Refused or Unanswered. Its own words are dropped: they quote numbers."""
    try:
        yield
    except _Busy as busy:
        raise Refused("20429", retry_after_s=busy.retry_after_s) from None
    except (TwilioRestException, TwilioServiceException) as problem:
        raise _judged(problem.status, problem.code) from None
    except requests.exceptions.RequestException as problem:
        raise Unanswered(type(problem).__name__) from None
    except TwilioException as problem:
        # Listing reports a refusal as this bare kind, with the response beside the words.
        answer = problem.args[1] if len(problem.args) > 1 else None
        raise _judged(answer.status_code if isinstance(answer, Response) else 0, None) from None
    except (ValueError, KeyError, TypeError, OSError) as problem:
        # An answer that is no JSON, or not the shape of a message: it was heard, and may have been acted on.
        raise Unanswered(type(problem).__name__) from None


def _judged(status: int, code: int | None) -> Refused | Unanswered:
    """What a refusal with this HTTP status and Twilio code means for us."""
    number = code or status
    if number in _LATER:
        return Refused(str(number), alarm=number in _ALARM)
    if number in _ALARM or status in (401, 403):
        # Not permanent for the text: once the account is mended it goes, if it is still worth anything.
        return Refused(str(number), alarm=True)
    if number in _UNREACHABLE:
        return Refused(str(number), permanent=True, unreachable=True)
    if number in _PERMANENT or 400 <= status < 500:
        return Refused(str(number), permanent=True)
    if status == 503:
        return Refused(str(number))
    # A server that failed half-way may have taken the text first.
    return Unanswered(str(number))


def signed(url: str, form: Any, signature: str | None) -> bool:
    """Whether Twilio signed this call: the whole public address with its query, every field, any of our tokens.

    form: a MultiDict. False for a missing signature, on which the library's own check would raise.
    """
    if not signature:
        return False
    tokens: tuple[str, ...] = current_app.config["TWILIO_AUTH_TOKENS"]
    return any(RequestValidator(token).validate(url, form, signature) for token in tokens)
