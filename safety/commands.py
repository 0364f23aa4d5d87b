"""The commands of `flask --app wsgi …`. Each says what it did and what to do next."""

from __future__ import annotations

import sys

import click
from flask import Flask

from safety import audit, clock, invariants


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
