"""Who signed something in the record, in words a page can show."""

from __future__ import annotations

import uuid
from collections.abc import Collection

import sqlalchemy as sa

from safety.extensions import db
from safety.lifecycle import Role
from safety.models import User


def names(labels: Collection[str]) -> dict[str, str]:
    """Who signed, in words, for each label of the record: a person with their part, a telephone, or the service itself."""
    ids = {uuid.UUID(label.partition(":")[2]) for label in labels if label.startswith("user:")}
    parts = {Role.PROVIDER: "house", Role.COORDINATOR: "coordinator", Role.LEAD: "lead"}
    people = {
        f"user:{user.id.hex}": f"{user.name} ({parts.get(Role(user.role), 'officer')})"
        for user in db.session.scalars(sa.select(User).where(User.id.in_(ids)))
    }
    return {
        label: people.get(label, "By text" if label.startswith("phone:") else "The service itself")
        for label in labels
    }
