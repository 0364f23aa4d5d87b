"""Alerts to coordinators: raised by a cause, claimed by one person, over when the cause is."""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from safety.extensions import Row, both_or_neither, live_only, one_of
from safety.models.referrals import Referral


class AlertKind(StrEnum):
    """What can go wrong. The order is the order of a list: worst first."""

    HOUSE_COMPROMISED = "house_compromised"
    NO_BED_ON_ARRIVAL = "arrived_without_bed"
    HOUSE_WITHDREW = "house_withdrew"
    NOTHING_FITS = "nothing_fits"
    OVERDUE = "overdue_on_the_road"
    NOT_ARRIVED = "not_arrived"
    CASCADE = "houses_said_no"
    FAR_AHEAD = "far_ahead"
    SILENT = "jobs_silent"
    TEXT_FAILED = "text_failed"
    SUPPLIER = "supplier_failing"
    BROKEN = "cannot_be_matched"
    RELEASED = "released_unused"
    STAY_OVER = "stay_over"
    STAY_ENDING = "stay_ending"
    ONWARD_UNKNOWN = "onward_place_unknown"
    STALE = "figures_stale"
    ADDRESS_UNCONFIRMED = "address_unconfirmed"
    ROTA_GAP = "gap_in_the_rota"
    TEXTS_DIFFER = "texts_differ"
    SPEND = "spending_on_texts"
    NOT_THEIRS = "not_theirs"


URGENT = frozenset(AlertKind) - {
    AlertKind.RELEASED,
    AlertKind.STAY_OVER,
    AlertKind.STAY_ENDING,
    AlertKind.ONWARD_UNKNOWN,
    AlertKind.STALE,
    AlertKind.ADDRESS_UNCONFIRMED,
    AlertKind.ROTA_GAP,
    AlertKind.TEXTS_DIFFER,
    AlertKind.SPEND,
    AlertKind.NOT_THEIRS,
}
ALERT_WORDS = {
    AlertKind.HOUSE_COMPROMISED: "a house is compromised",
    AlertKind.NO_BED_ON_ARRIVAL: "arrived and has no bed",
    AlertKind.HOUSE_WITHDREW: "the house withdrew, ring the officer",
    AlertKind.NOTHING_FITS: "no bed fits",
    AlertKind.OVERDUE: "set off and overdue",
    AlertKind.NOT_ARRIVED: "did not arrive, find out where they are",
    AlertKind.CASCADE: "houses have not taken them",
    AlertKind.FAR_AHEAD: "asked for far ahead, decide by hand",
    AlertKind.SILENT: "deadlines or texts stand still",
    AlertKind.TEXT_FAILED: "a text did not get through",
    AlertKind.SUPPLIER: "the text supplier is failing",
    AlertKind.BROKEN: "cannot be matched, place them by hand",
    AlertKind.RELEASED: "a bed came free unused",
    AlertKind.STAY_OVER: "the stay is over",
    AlertKind.STAY_ENDING: "a stay ends within a day",
    AlertKind.ONWARD_UNKNOWN: "a stay ends tomorrow and nobody said where to",
    AlertKind.STALE: "a house does not say how many beds are free",
    AlertKind.ADDRESS_UNCONFIRMED: "the house's address is not confirmed",
    AlertKind.ROTA_GAP: "nobody is on call for a part of the rota",
    AlertKind.TEXTS_DIFFER: "the supplier's record of texts and ours differ",
    AlertKind.SPEND: "more was spent on texts than expected",
    AlertKind.NOT_THEIRS: "somebody texts what is not theirs to say",
}
# What can wait, as the digest of the day counts it: one, and several.
DIGEST_WORDS = {
    AlertKind.RELEASED: ("bed free unused", "beds free unused"),
    AlertKind.STAY_OVER: ("stay over", "stays over"),
    AlertKind.STAY_ENDING: ("stay ending", "stays ending"),
    AlertKind.ONWARD_UNKNOWN: ("onward place unknown", "onward places unknown"),
    AlertKind.STALE: ("house stale", "houses stale"),
    AlertKind.ADDRESS_UNCONFIRMED: ("address unconfirmed", "addresses unconfirmed"),
    AlertKind.ROTA_GAP: ("rota with a gap", "rotas with a gap"),
    AlertKind.TEXTS_DIFFER: ("difference in the texts", "differences in the texts"),
    AlertKind.SPEND: ("warning on spending", "warnings on spending"),
    AlertKind.NOT_THEIRS: ("telephone that tries", "telephones that try"),
}


class Alert(Row):
    """Something that needs a person."""

    __tablename__ = "alert"
    kind: Mapped[str] = mapped_column(sa.String(24))
    # What it is about: "referral:<hex>", "text:<hex>", "premises:<hex>", "phone:<fingerprint>", "phones:unknown",
    # "job:<name>", "supplier", "rota". One open alert a kind and subject.
    subject: Mapped[str] = mapped_column(sa.String(48))
    referral_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    urgent: Mapped[bool]
    # None when every code is in use: such an alert is claimed on the page only.
    code: Mapped[str | None] = mapped_column(sa.String(3))
    raised_at: Mapped[dt.datetime]
    texted: Mapped[int] = mapped_column(default=0)  # how many steps of the ladder were climbed
    claimed_at: Mapped[dt.datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(sa.String(40))
    ended_at: Mapped[dt.datetime | None]
    referral: Mapped[Referral | None] = relationship()

    __table_args__ = (
        one_of("kind", AlertKind),
        both_or_neither("claimed_at", "claimed_by"),
        # The same trouble is raised once until it is over.
        live_only("uq_alert_open", "kind", "subject", where="ended_at IS NULL"),
        # OK 123 names one open alert.
        live_only("uq_alert_code", "code", where="ended_at IS NULL"),
    )
