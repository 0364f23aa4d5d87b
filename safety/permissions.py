"""Who may do what: @allow on every view says what kind of person, may() says which house and which force.

A view that says nothing is shut; a thing that is not yours looks exactly like a thing that does not exist.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from safety.lifecycle import Role

F = TypeVar("F", bound=Callable[..., Any])

ANYONE = "anyone"
# A lead may do all an officer may.
OFFICERS = (Role.OFFICER, Role.LEAD)
SIGNED_IN = (Role.OFFICER, Role.LEAD, Role.PROVIDER, Role.COORDINATOR, Role.OVERSIGHT)


@dataclass(frozen=True)
class Actor:
    """Whoever acts: a person signed in, a phone that sent a text, or the clock.

    by: how the act is signed in the record ("user:<hex>", "phone:<hex>", "clock"): an id, never a name.
    premises_ids: the houses this actor speaks for; empty for anybody else.
    """

    role: Role
    by: str
    user_id: uuid.UUID | None = None
    force_id: uuid.UUID | None = None
    premises_ids: frozenset[uuid.UUID] = frozenset()


CLOCK = Actor(Role.CLOCK, "clock")


class NotYours(Exception):
    """The thing is not this actor's. Shown to people exactly as if it did not exist."""


def allow(*who: Role | str) -> Callable[[F], F]:
    """Mark a view with who may open it: roles, or ANYONE. The gate in safety.web reads the mark; no mark, no entry."""

    def mark(view: F) -> F:
        view.allowed = frozenset(who)  # type: ignore[attr-defined]
        return view

    return mark


def holds(actor: Actor, referral: Any) -> bool:
    """Whether `actor` acts for the officer's side of `referral` (needs .holder_id and .force_id): its holder, a lead of its
    force, or a coordinator.
    """
    if actor.role is Role.COORDINATOR:
        return True
    if actor.role is Role.LEAD and actor.force_id is not None and actor.force_id == referral.force_id:
        return True
    return actor.role in OFFICERS and actor.user_id is not None and actor.user_id == referral.holder_id


def houses(actor: Actor, premises_id: uuid.UUID) -> bool:
    """Whether `actor` acts for the house."""
    return actor.role is Role.COORDINATOR or (
        actor.role is Role.PROVIDER and premises_id in actor.premises_ids
    )


def require_placement(actor: Actor, placement: Any) -> None:
    """The actor is on one of the two sides of this placement (needs .premises_id and .referral).

    Raises NotYours. Which event each side may record is the table's business (lifecycle.transition).
    """
    if actor.role is Role.CLOCK or houses(actor, placement.premises_id) or holds(actor, placement.referral):
        return
    raise NotYours
