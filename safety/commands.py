"""The commands of `flask --app wsgi …`. Each says what it did and what to do next."""

from __future__ import annotations

import sys

import click
import sqlalchemy as sa
from flask import Flask, current_app

from safety import accounts, audit, clock, forces, invariants, telephones
from safety.extensions import begin_write, db
from safety.lifecycle import Role
from safety.models import Force

OPERATOR = "operator"  # how whoever has the server's command line signs in the record


def init_app(app: Flask) -> None:
    """Register the commands."""

    @app.cli.command("check")
    def check() -> None:
        """Prove the invariants I1 to I6, and the audit chain, over this database. Exits 1 naming each breach."""
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
