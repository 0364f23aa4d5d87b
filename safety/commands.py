"""The commands of `flask --app wsgi …`. Each says what it did and what to do next."""

from __future__ import annotations

import datetime as dt
import sys
import time

import click
import phonenumbers
import sqlalchemy as sa
from flask import Flask, current_app

from safety import accounts, audit, clock, forces, invariants, messages, sms, telephones
from safety.extensions import begin_write, db
from safety.lifecycle import Role
from safety.models import Force
from safety.sms.explained import Trouble, explain

OPERATOR = "operator"  # how whoever has the server's command line signs in the record
_TEST_WORTH_S = 600
_PASSED_ON = frozenset({"sent", "delivered", "read"})
_LOST = frozenset({"undelivered", "failed", "canceled"})
_NOT_READ = Trouble(
    "The text was taken, and then this key was not let read what became of it.",
    "Make the key a standard key. Without it texts that do not reach us cannot be fetched, and a text that may have gone out "
    "cannot be asked about.",
)
_NOT_THERE = Trouble(
    "The text was taken, and Twilio does not show it to us with its words.",
    "Turn off message redaction and body discard in Twilio's console: docs/running.md, Twilio, says why.",
)
_STUCK = Trouble(
    "Twilio has taken the text and not passed it on yet.",
    "Look at the telephone in a few minutes, and at this text in Twilio's console under Monitor, Logs, Messaging: it says why.",
)


def init_app(app: Flask) -> None:
    """Register the commands."""

    @app.cli.command("check")
    def check() -> None:
        """Prove the invariants I1 to I6 and I13 to I16, and the audit chain, over this database. Exits 1 naming each breach."""
        found = [*invariants.breaches(now=clock.now()), *audit.verify()]
        for breach in found:
            click.echo(breach)
        if found:
            click.echo(
                f"{len(found)} breach{'es' if len(found) > 1 else ''}. Ring whoever runs this service before anything else."
            )
            sys.exit(1)
        click.echo("Every invariant holds, and the audit trail is as it was sealed.")

    @app.cli.command("create-coordinator")
    @click.option("--email", prompt="Email address")
    @click.option("--name", prompt="Name, as colleagues know it")
    @click.option("--mobile", prompt="Mobile, for urgent texts")
    def create_coordinator(email: str, name: str, mobile: str) -> None:
        """Make a coordinator's account: the first one, or one more when nobody can sign in to invite. Asks for a password."""
        try:
            address = _coordinator(email, name, mobile)
        except (accounts.NotAnEmail, accounts.EmailTaken, accounts.WeakPassword) as refused:
            raise click.ClickException(f"{refused}. Nothing was done.") from refused
        click.echo(f"{address} is a coordinator now.")
        click.echo(f"Next: sign in at {current_app.config['POS_PUBLIC_URL']}/sign-in with that password.")

    @app.cli.command("load-forces")
    def load_forces() -> None:
        """Put the police forces of the United Kingdom into the table, each once. Again: only what is new."""
        now = clock.now()
        db.session.rollback()  # the reading opened a transaction, and a writer begins its own
        begin_write()
        new = forces.load(by=OPERATOR, now=now)
        known = db.session.scalar(sa.select(sa.func.count()).select_from(Force))
        db.session.commit()
        for name in new:
            click.echo(f"  {name}")
        click.echo(f"{len(new)} forces are new; there are {known}.")
        click.echo(
            "None comes with a telephone. Next: enter the control-room number of each force that takes part: sign in, Forces."
        )

    @app.cli.command("send-test-text")
    @click.argument("number")
    @click.option(
        "--asks", type=click.IntRange(1, 100), default=10, help="How often to ask what became of it."
    )
    @click.option("--pause-s", type=click.FloatRange(0, 60), default=3.0, help="Seconds before each of them.")
    def send_test_text(number: str, asks: int, pause_s: float) -> None:
        """Send one harmless text to NUMBER, at once and not through the outbox, and say what became of it.

        Exits 1 when it is not on its way, with what is wrong and what to do next.
        """
        trouble = _try_a_text(_e164(number), asks, pause_s)
        if trouble is not None:
            click.echo(f"What is wrong: {trouble.wrong}\nNext: {trouble.next}")
            sys.exit(1)


def _coordinator(email: str, name: str, mobile: str) -> str:
    """Make the account, asking for its password once all else is right; returns the address it signs in with."""
    address, called = accounts.new_email(email), " ".join(name.split())
    if not 1 <= len(called) <= 100:
        raise click.BadParameter("should be 1 to 100 characters", param_hint="--name")
    try:
        phone = telephones.mobile(mobile, drama=not current_app.config["SETTINGS"].production)
    except telephones.Unusable as refused:
        raise click.BadParameter(str(refused), param_hint="--mobile") from refused
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt="The same password again")
    db.session.rollback()  # nothing is held while a person types and a password is hashed
    secret = accounts.hashed(password=typed, email=address, name=called)
    begin_write()
    accounts.create(
        email=address,
        name=called,
        role=Role.COORDINATOR,
        password=secret,
        by=OPERATOR,
        phone=phone,
        now=clock.now(),
    )
    db.session.commit()
    return address


def _e164(typed: str) -> str:
    """A number as long as a mobile's, as suppliers want it. Whether it can get texts is theirs to say: that is being tried."""
    try:
        number = phonenumbers.parse(typed, "GB")
    except phonenumbers.NumberParseException:
        number = None
    mobile = phonenumbers.PhoneNumberType.MOBILE
    if number is None or not phonenumbers.is_possible_number_for_type(number, mobile):
        raise click.BadParameter(
            "should be a whole telephone number, like +447700900123", param_hint="NUMBER"
        )
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _try_a_text(to: str, asks: int, pause_s: float) -> Trouble | None:
    """Send the text and follow it, saying each step; what is wrong, or None when it is on its way or there."""
    supplier, public = sms.supplier(), current_app.config["POS_PUBLIC_URL"]
    body = messages.trying(messages.Matter(ring=current_app.config["DUTY_NUMBER"]))
    since = clock.now()
    db.session.rollback()  # nothing is open while the supplier is called
    click.echo(f"Sending one text to {'*' * (len(to) - 3)}{to[-3:]} by {supplier.name}.")
    try:
        sent = supplier.send(
            to=to, body=body, validity_s=_TEST_WORTH_S, callback_url=f"{public}/twilio/status"
        )
    except (sms.Refused, sms.Unanswered) as problem:
        click.echo(f"Not sent: {problem}.")
        return explain(problem.code)
    if supplier.name == "simulator":
        click.echo(f"This is the simulator: no text leaves this machine. It can be read on {public}/phones.")
        return None
    click.echo(f"Taken: {sent.status}.")
    trouble: Trouble | None = None
    for ask in range(1, asks + 1):
        time.sleep(pause_s)
        status, trouble = _stands(supplier, sent, to=to, body=body, since=since)
        click.echo(f"Asked {ask} of {asks} times: {status}.")
        if trouble is None or status in _LOST:
            break
    if trouble is None:
        click.echo("All is well. Look at the telephone: it is there, or will be in a moment.")
    return trouble


def _stands(
    supplier: sms.Supplier, sent: sms.Sent, *, to: str, body: str, since: dt.datetime
) -> tuple[str, Trouble | None]:
    """Where the text stands, in a word or two, and what is wrong with that; None once the network has it."""
    try:
        had = supplier.find(to=to, body=body, since=since)
    except sms.Refused as refused:
        # Whoever may send and is told nothing has half a key; for anything else it is the same as when sending.
        return str(refused), _NOT_READ if refused.alarm else explain(refused.code)
    except sms.Unanswered as unanswered:
        return str(unanswered), explain(unanswered.code)
    found = next((one for one in had if one.sid == sent.sid), None)
    if found is None:
        return "not to be seen", _NOT_THERE
    if found.status in _LOST:
        return found.status, explain(found.error)
    return found.status, None if found.status in _PASSED_ON else _STUCK
