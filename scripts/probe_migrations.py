"""Runs the migrations up, down and up again on both databases, and looks at what they made.

The rule kept: the database the migrations make is the one the models describe, down to each CHECK and each predicate of an
index. Alembic's own comparison looks at neither, so a state added to the code alone would pass it and fail on the night.
"""

from __future__ import annotations

import base64
import logging
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade

import config
from safety import create_app, lifecycle
from safety.extensions import db
from tests.temppg import TempPG

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_ALEMBICS_OWN = "alembic_version"


@contextmanager
def databases() -> Iterator[dict[str, tuple[str, str]]]:
    """Two empty databases of each kind, by URL: one for the migrations, one for the models."""
    with tempfile.TemporaryDirectory(prefix="pos-probe-") as folder, TempPG() as server:
        yield {
            "SQLite": (f"sqlite:///{folder}/migrated.sqlite", f"sqlite:///{folder}/modelled.sqlite"),
            "PostgreSQL": (server.create("migrated"), server.create("modelled")),
        }


def make_app(url: str) -> Flask:
    """The application on the database at `url`, with keys that open nothing else."""
    sealing, index = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
    settings = {
        "POS_ENV": "test",
        "DATABASE_URL": url,
        "POS_SECRET_KEY": "only for looking at an empty database",
        "POS_FIELD_KEYS": f"a:{sealing}",
        "POS_INDEX_KEY": index,
    }
    return create_app(config.load(settings))


def revisions() -> list[str]:
    """Every revision from the first to the last. Raises ValueError when they are not one line."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    if len(scripts.get_heads()) != 1:
        raise ValueError(f"there should be one last migration, not {len(scripts.get_heads())}")
    line = [script.revision for script in scripts.walk_revisions()]
    return line[::-1]


def schema(engine: sa.Engine) -> dict[str, Any]:
    """What the database itself says of its tables, as nested plain values that can be compared."""
    look = sa.inspect(engine)
    tables: dict[str, Any] = {}
    for table in look.get_table_names():
        if table == _ALEMBICS_OWN:
            continue
        tables[table] = {
            "columns": {
                column["name"]: f"{column['type']!r} null={column['nullable']} default={column['default']}"
                for column in look.get_columns(table)
            },
            "key": sorted(look.get_pk_constraint(table)["constrained_columns"]),
            "checks": _by_name(
                (str(check["name"]), _plain(check["sqltext"])) for check in look.get_check_constraints(table)
            ),
            "uniques": {
                str(one["name"]): sorted(one["column_names"]) for one in look.get_unique_constraints(table)
            },
            "foreign keys": {
                str(
                    one["name"]
                ): f"{one['constrained_columns']} to {one['referred_table']}{one['referred_columns']} "
                f"{sorted(one.get('options', {}).items())}"
                for one in look.get_foreign_keys(table)
            },
            "indexes": {
                str(
                    index["name"]
                ): f"{index['column_names']} unique={bool(index['unique'])} where {_predicate(index)}"
                for index in look.get_indexes(table)
                if not index.get("duplicates_constraint")
            },
        }
    return tables


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each text under its name. SQLite lets two CHECKs have one name, and both hold: neither may hide the other."""
    named: dict[str, str] = {}
    for name, text in pairs:
        named[f"{name}, once more" if name in named else name] = text
    return named


def _predicate(index: Any) -> str:
    """The condition of a partial index in one line; PostgreSQL's inspector gives text, SQLite's a clause."""
    options = index.get("dialect_options", {})
    return _plain(str(options.get("postgresql_where", options.get("sqlite_where", "nothing"))))


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def differences(migrated: dict[str, Any], modelled: dict[str, Any]) -> list[str]:
    """What the migrations made otherwise than the models say, one line each."""
    lines: list[str] = []
    for table in sorted(migrated.keys() | modelled.keys()):
        if table not in migrated or table not in modelled:
            lines.append(
                f"table {table} is only {'in the models' if table in modelled else 'made by the migrations'}"
            )
            continue
        for part in modelled[table]:
            ours, theirs = migrated[table][part], modelled[table][part]
            if isinstance(ours, list):
                if ours != theirs:
                    lines.append(f"{table}: {part} is {ours} by the migrations, {theirs} by the models")
                continue
            for name in sorted(ours.keys() | theirs.keys()):
                made, said = ours.get(name, "missing"), theirs.get(name, "missing")
                if made != said:
                    lines.append(f"{table}, {part}, {name}: {made} by the migrations, {said} by the models")
    return lines


def promises(tables: dict[str, Any]) -> list[str]:
    """Which promises of the table of transitions the migrated database does not keep, one line each."""
    lines: list[str] = []
    for table, states in (("placement", lifecycle.State), ("referral", lifecycle.ReferralState)):
        named = tables[table]["checks"].get(f"ck_{table}_state_is_known", "")
        known = set(re.findall(r"'(\w+)'", named))
        if known != {state.value for state in states}:
            lines.append(
                f"{table}: the CHECK on state allows {sorted(known)}, the code knows {sorted(states)}"
            )
    for name in ("uq_placement_live_bedspace", "uq_placement_live_referral"):
        index = tables["placement"]["indexes"].get(name, "missing")
        live = set(re.findall(r"'(\w+)'", index.partition(" where ")[2]))
        if "unique=True" not in index or live != {state.value for state in lifecycle.LIVE}:
            lines.append(f"placement: {name} is {index}; it should be unique where the state is live")
    return lines


def counts(engine: sa.Engine) -> dict[str, int]:
    """How many rows each table has."""
    with engine.connect() as connection:
        names = [name for name in sa.inspect(connection).get_table_names() if name != _ALEMBICS_OWN]
        return {
            name: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name))) or 0
            for name in sorted(names)
        }


def probe(migrated_url: str, modelled_url: str) -> list[str]:
    """Take one database up, down step by step, and up again, with the demo scheme in it on the way; what is wrong."""
    wrong: list[str] = []
    line = revisions()
    app = make_app(migrated_url)
    with app.app_context():
        upgrade(revision="head")
        first = schema(db.engine)
        for revision in [*line[-2::-1], "base"]:
            downgrade(revision=revision)
        left = schema(db.engine)
        if left:
            return [f"all the way down, these tables are left: {', '.join(left)}"]
        for revision in line:
            upgrade(revision=revision)
        second = schema(db.engine)
        wrong += [f"the second way up made another schema: {text}" for text in differences(second, first)]
        wrong += promises(second)
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            wrong += [f"alembic sees a difference: {one}" for one in compare_metadata(context, db.metadata)]
        wrong += _with_data(app, line)
        db.engine.dispose()
    app = make_app(modelled_url)
    with app.app_context():
        db.create_all()
        wrong += differences(second, schema(db.engine))
        db.engine.dispose()
    return wrong


def _with_data(app: Flask, line: list[str]) -> list[str]:
    """Load the demo scheme, go one migration down and up, and see that every row is still there."""
    done = app.test_cli_runner().invoke(args=["demo"])
    if done.exit_code:
        return [
            f"the demo scheme does not load into the migrated database: {done.output.strip()[-500:]} {done.exception!r}"
        ]
    before = counts(db.engine)
    if not any(before.values()):
        return ["the demo scheme loaded no rows"]
    if len(line) < 2:
        return []
    downgrade(revision=line[-2])
    kept = counts(db.engine)
    upgrade(revision=line[-1])
    after = counts(db.engine)
    return [
        f"{name}: {before[name]} rows before the last migration was undone and done again, {after.get(name)} after"
        for name in before
        if name in kept and after.get(name) != before[name]
    ]


def main() -> int:
    """Probe both databases. 0: both are as they should be; 1: something is wrong, each thing on a line."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    failed = False
    with databases() as urls:
        for kind, (migrated, modelled) in urls.items():
            wrong = probe(migrated, modelled)
            failed = failed or bool(wrong)
            for text in wrong:
                print(f"{kind}: {text}", file=sys.stderr)
            if not wrong:
                print(
                    f"{kind}: {len(revisions())} migration(s) up, down and up; the schema is what the models say"
                )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
