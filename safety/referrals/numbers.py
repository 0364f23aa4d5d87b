"""The number of an operation: how it is written, and the one row it stands for within its force."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import uuid
from collections.abc import Collection

import sqlalchemy as sa

from safety import audit
from safety.crypto import ring
from safety.extensions import db
from safety.models import Operation

MOST = 20
_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9/-]{2,19}")


class NotANumber(ValueError):
    """It cannot be the number of an operation. The message can be shown."""


def plain_number(said: str) -> str:
    """A number as typed or said, reduced to what is kept: "op 26/114" -> "OP26/114". Raises NotANumber.

    A number, and not the name of the operation: a name may say what it is about, and there is nothing here to know that by.
    """
    plain = re.sub(r"\s", "", said.upper())
    if not _NUMBER.fullmatch(plain) or not any(letter.isdigit() for letter in plain):
        raise NotANumber(
            "Operation number must be 3 to 20 letters, numbers, hyphens and slashes with a number in it, like OP26/114. "
            "Not the operation’s name"
        )
    return plain


def found(*, number: str, force_id: uuid.UUID) -> Operation | None:
    """The operation of this force with this number, if there is one. Raises NotANumber."""
    index = _index(number, force_id)
    return db.session.scalars(sa.select(Operation).where(Operation.number_index == index)).first()


def found_or_started(*, number: str, force_id: uuid.UUID, by: str, now: dt.datetime) -> Operation:
    """The operation of this force with this number: there already, or begun now. Raises NotANumber."""
    there = found(number=number, force_id=force_id)
    if there is not None:
        return there
    operation = Operation(
        force_id=force_id,
        number=plain_number(number),
        number_index=_index(number, force_id),
        opened_at=now,
        opened_by=by,
    )
    db.session.add(operation)
    audit.record(what="operation", by=by, now=now, facts={"operation": operation.id})
    db.session.flush()
    return operation


def free_number(*, number: str, force_id: uuid.UUID, also_taken: Collection[str] = ()) -> str:
    """This number, or when this force has an operation of that number already the next that it has not: OP26/114-2.

    also_taken: numbers that are to be taken for as given. Raises NotANumber.
    """
    for place in itertools.count(1):
        mark = f"-{place}" if place > 1 else ""
        wanted = plain_number(number)[: MOST - len(mark)] + mark
        if wanted not in also_taken and found(number=wanted, force_id=force_id) is None:
            return wanted
    raise AssertionError("unreachable")


def give_to(operation: Operation, *, force_id: uuid.UUID, number: str | None) -> None:
    """Make it an operation of this force, under this number, which is free there."""
    operation.force_id = force_id
    if number is not None:
        operation.number, operation.number_index = number, _index(number, force_id)
    db.session.flush()
    db.session.refresh(operation, ["force"])


def _index(number: str, force_id: uuid.UUID) -> str:
    return ring().index("operation", f"{force_id.hex}:{plain_number(number)}")
