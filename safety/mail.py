"""The one way an e-mail leaves: plain words to one address, over a connection that is encrypted.

The rule kept: nothing is held open while a mail server is waited for, and no log says to whom or what was written.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from flask import current_app

from safety import clock
from safety.extensions import begin_write, db
from safety.models import SimulatedEmail

log = logging.getLogger(__name__)

_SAME_MACHINE = {"localhost", "127.0.0.1"}


class NotSent(Exception):
    """The mail server did not take it. Whoever asked says how the words can be passed on otherwise."""


def wanted() -> bool:
    """Whether this service sends e-mail at all; in the demonstration it does as if."""
    return bool(current_app.config["POS_SMTP_URL"]) or _simulated()


def send(*, to: str, subject: str, words: str) -> None:
    """Hand one e-mail to the mail server and wait for its answer, POS_SMTP_TIMEOUT_S at most for each step.

    Raises NotSent, and RuntimeError inside a transaction: others would wait for the mail server with us.
    """
    if db.session().in_transaction():
        raise RuntimeError("an e-mail is sent before a transaction begins, or after it ends")
    if _simulated():
        _keep(to, subject, words)
        return
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = current_app.config["POS_MAIL_FROM"], to, subject
    letter.set_content(words)
    try:
        with _server() as server:
            server.send_message(letter)
    except (OSError, smtplib.SMTPException) as problem:
        # Its own words are dropped: a server quotes the address it refuses.
        log.warning("an e-mail was not sent: %s", type(problem).__name__)
        raise NotSent from problem


def _simulated() -> bool:
    return current_app.config["POS_ENV"] == "demo" and not current_app.config["POS_SMTP_URL"]


def _keep(to: str, subject: str, words: str) -> None:
    """Put one e-mail where /phones shows it, in a transaction of its own, as the mail server that this stands for would."""
    begin_write(deciding=False)
    email = SimulatedEmail(at=clock.now(), subject=subject)
    email.to, email.words = to, words
    db.session.add(email)
    db.session.commit()


def _server() -> smtplib.SMTP:
    """A connection that is encrypted, unless it never leaves this machine, and signed in when the setting says as whom."""
    where = urlsplit(current_app.config["POS_SMTP_URL"])
    timeout_s = current_app.config["POS_SMTP_TIMEOUT_S"]
    host, safe = where.hostname or "", ssl.create_default_context()
    server: smtplib.SMTP
    if where.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, where.port or 465, timeout=timeout_s, context=safe)
    else:
        server = smtplib.SMTP(host, where.port or 587, timeout=timeout_s)
    try:
        if where.scheme == "smtp" and host not in _SAME_MACHINE:
            server.starttls(context=safe)
        if where.username:
            server.login(unquote(where.username), unquote(where.password or ""))
    except BaseException:
        server.close()
        raise
    return server
