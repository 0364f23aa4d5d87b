"""GOV.UK Notify, through its own library: the only file that imports it. It sends; what is sent back to it reaches nobody.

The rule kept: every text is handed over under a reference of ours, by which an unanswered call is asked about; nothing of a call is
logged (on a failure the library writes Notify's words, which quote numbers).
"""

from __future__ import annotations

import datetime as dt
import hmac
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import current_app
from notifications_python_client.base import BaseAPIClient
from notifications_python_client.errors import APIError, HTTPError, InvalidResponse
from notifications_python_client.notifications import NotificationsAPIClient

from config import Settings
from safety.sms import Listed, Received, Refused, Sent, Unanswered, is_trial

_PAGE = 250  # what Notify lists at once
_MOST_COMPARED = 5000
_OURS = "https://api.notifications.service.gov.uk"


class Notify:
    """The service, key and template of the settings."""

    name = "notify"
    receives = False

    def __init__(self, settings: Settings) -> None:
        # The first quotes numbers in its warnings, the second whole addresses.
        logging.getLogger("notifications_python_client").setLevel(logging.CRITICAL)
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._key = settings.NOTIFY_API_KEY
        self._template = settings.NOTIFY_TEMPLATE_ID
        self._base = settings.NOTIFY_API_BASE or _OURS
        self._timeout_s = settings.TWILIO_TIMEOUT_S

    def send(self, *, to: str, body: str, validity_s: int, callback_url: str, reference: str = "") -> Sent:
        """Hand one text over. Raises Refused or Unanswered.

        Notify knows no end of a text's worth and has one address for its callbacks, set on its pages: neither is passed on.
        """

        def call(client: NotificationsAPIClient) -> Any:
            return client.send_sms_notification(
                phone_number=to,
                template_id=self._template,
                personalisation={"body": body},
                reference=reference or None,
            )

        answer = self._asked(call)
        with _readable():
            return Sent(str(answer["id"]), "created")

    def find(self, *, to: str, body: str, since: dt.datetime, reference: str = "") -> list[Sent]:
        """What Notify took under this reference, oldest first. Raises Refused or Unanswered."""
        answer = self._asked(
            lambda client: client.get_all_notifications(template_type="sms", reference=reference)
        )
        with _readable():
            found = [
                Sent(str(one["id"]), str(one["status"]), error_of(one["status"]))
                for one in answer["notifications"]
                if one["reference"] == reference
            ]
        return found[::-1]

    def received(self, *, since: dt.datetime) -> list[Received]:
        """Nothing: nobody can answer to Notify."""
        return []

    def listed(self, *, since: dt.datetime) -> list[Listed]:
        """What Notify took since then, newest first; at most _MOST_COMPARED. Raises Refused or Unanswered."""
        found: list[Listed] = []
        last: str | None = None
        while len(found) < _MOST_COMPARED:
            page = self._page(last)
            found += [one for one in page if one.at is None or one.at >= since]
            if len(page) < _PAGE or any(one.at is not None and one.at < since for one in page):
                break
            last = page[-1].sid
        return found[:_MOST_COMPARED]

    def _page(self, older_than: str | None) -> list[Listed]:
        answer = self._asked(
            lambda client: client.get_all_notifications(template_type="sms", older_than=older_than)
        )
        with _readable():
            return [_as_listed(one) for one in answer["notifications"]]

    def look(self, *, sid: str) -> Listed | None:
        """How one text stands; None when Notify has none of that id. Raises Refused or Unanswered."""
        try:
            answer = self._asked(lambda client: client.get_notification_by_id(sid))
        except Refused as refused:
            if refused.code == "404":
                return None
            raise
        with _readable():
            return _as_listed(answer)

    def blank(self, *, sid: str) -> None:
        """Nothing: Notify forgets a text after the days its own settings say."""

    def _asked(self, call: Callable[[NotificationsAPIClient], Any]) -> Any:
        """One call, with a client of its own: the library's is not safe for threads. Raises Refused or Unanswered."""
        client = NotificationsAPIClient(self._key, base_url=self._base, timeout=self._timeout_s)
        try:
            return call(client)
        except InvalidResponse:
            raise Unanswered("JSONDecodeError") from None
        except HTTPError as problem:
            raise _judged(problem) from None
        except APIError as problem:
            raise Unanswered(type(problem).__name__) from None
        except (ValueError, KeyError, TypeError, OSError) as problem:
            raise Unanswered(type(problem).__name__) from None
        finally:
            _hang_up(client)


def _hang_up(client: BaseAPIClient) -> None:
    client.request_session.close()


@contextmanager
def _readable() -> Iterator[None]:
    """An answer that is not the shape it should be was heard, and may have been acted on."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as problem:
        raise Unanswered(type(problem).__name__) from None


def _judged(problem: HTTPError) -> Refused | Unanswered:
    """What a refusal means. Without an answer the library says 503, which is then nobody's word."""
    if problem.response is None:
        return Unanswered("ConnectionError")
    status = int(problem.status_code)
    if status == 429:
        wait = problem.response.headers.get("Retry-After", "")
        return Refused("429", retry_after_s=float(wait) if wait.isascii() and wait.isdigit() else None)
    if status in (401, 403):
        return Refused(str(status), alarm=True)
    if status == 400:
        # Its words are not kept. Of what we send only the number is not ours to get right; BadRequestError is about our account:
        # a key that may text its team alone, a template that is not there.
        kinds = {str(one.get("error")) for one in _errors(problem)}
        return Refused("400", alarm="BadRequestError" in kinds, permanent="BadRequestError" not in kinds)
    if 400 <= status < 500:
        return Refused(str(status), permanent=True)
    return Unanswered(str(status))


def _errors(problem: HTTPError) -> list[Mapping[str, Any]]:
    try:
        errors = problem.response.json()["errors"] if problem.response is not None else []
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    return [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []


def _as_listed(one: Mapping[str, Any]) -> Listed:
    status = str(one["status"])
    at = dt.datetime.fromisoformat(str(one["created_at"]))
    return Listed(str(one["id"]), status, error_of(status), at, is_trial(str(one.get("body") or "")))


def error_of(status: str) -> str | None:
    """Notify has no codes: how a text failed is its status."""
    return status if status.endswith("-failure") else None


def signed(authorization: str | None) -> bool:
    """Whether a callback brings the bearer token that was typed into Notify's page."""
    wanted: str = current_app.config["NOTIFY_CALLBACK_TOKEN"]
    given = (authorization or "").encode("utf-8", "replace")
    return bool(wanted) and hmac.compare_digest(given, f"Bearer {wanted}".encode())
