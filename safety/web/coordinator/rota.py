"""The rota by week: who is on call when, where nobody is, and the shifts put in, given away and taken off."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from safety import workdays
from safety.duty import rota, tending
from safety.extensions import db
from safety.lifecycle import Role
from safety.models import Shift
from safety.models.duty import FIRST
from safety.permissions import NotYours, allow
from safety.web.coordinator.blueprint import pages
from safety.web.forms.rota import AddForm, GiveForm, day_names
from safety.web.gate import me, now


@dataclass(frozen=True)
class Line:
    """One line of the table: a shift, or (shift None) a time in which nobody is on call."""

    from_at: dt.datetime
    to_at: dt.datetime
    shift: Shift | None = None

    @property
    def hours(self) -> str:
        """From when until when, in UK time: "18:00 to Tuesday 08:00"; the day it begins stands above."""
        day = "" if self.in_one_day else f"{workdays.uk(self.to_at):%A} "
        return f"{workdays.clock_words(self.from_at)} to {day}{workdays.clock_words(self.to_at)}"

    @property
    def length(self) -> str:
        """How long: "40 minutes", "9 hours", "4 days and 10 hours"."""
        minutes = int((self.to_at - self.from_at).total_seconds() // 60)
        if minutes < 60:
            return _many(minutes, "minute")
        days, hours = divmod(round(minutes / 60), 24)
        if days < 2:
            return _many(24 * days + hours, "hour")
        return _many(days, "day") + (f" and {_many(hours, 'hour')}" if hours else "")

    @property
    def in_one_day(self) -> bool:
        """Whether it is over on the day it begins, in UK time."""
        return workdays.uk(self.from_at).date() == workdays.uk(self.to_at).date()

    def covers(self, day: str) -> bool:
        """Whether it goes on through all of a UK day that it did not begin on, given as "2027-01-14"."""
        return f"{workdays.uk(self.from_at):%Y-%m-%d}" < day < f"{workdays.uk(self.to_at):%Y-%m-%d}"


@pages.get("/duty/rota")
@allow(Role.COORDINATOR)
def rota_now() -> ResponseReturnValue:
    """The week that is now."""
    return _week(rota.monday_of(workdays.uk(now()).date()))


@pages.get("/duty/rota/weeks/<string:monday>")
@allow(Role.COORDINATOR)
def rota_week(monday: str) -> ResponseReturnValue:
    """Another week, by its Monday."""
    return _week(_monday(monday))


@pages.route("/duty/rota/weeks/<string:monday>/add", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def add_shifts(monday: str) -> ResponseReturnValue:
    """Put somebody on call on some days of a week."""
    week, instant = _monday(monday), now()
    if rota.week(week)[1] <= instant:
        raise NotYours
    form = AddForm(monday=week, people=list(rota.coordinators()), now=instant)
    if request.method == "POST" and form.validate():
        who, place = uuid.UUID(hex=form.who.data), int(form.place.data or FIRST)
        plans = [rota.Plan(who, place, start, end) for start, end in form.spans]
        try:
            shifts = rota.put(plans=plans, by=me().actor().by, now=instant)
        except rota.Refused as refused:
            form.refuse(_asked_by(refused), str(refused))
        else:
            db.session.commit()
            flash(f"{shifts[0].user.name} is on call then.", "success")
            return _to(week)
        db.session.rollback()
    return render_template("coordinator/rota_add.html", form=form, monday=week), 400 if form.errors else 200


@pages.post("/duty/rota/weeks/<string:monday>/copy")
@allow(Role.COORDINATOR)
def copy_week(monday: str) -> ResponseReturnValue:
    """Take over the shifts of the week before."""
    week = _monday(monday)
    try:
        entered, left_out = rota.copy_week(monday=week, by=me().actor().by, now=now())
    except rota.Refused as refused:
        db.session.rollback()
        flash(f"Nothing was copied. {refused}.", "notice")
        return _to(week)
    db.session.commit()
    words = f"{entered} shift{'s' if entered != 1 else ''} copied from the week before."
    if left_out:
        words += f" {left_out} left out, of people who cannot be on call any more."
    flash(words, "success")
    return _to(week)


@pages.route("/duty/rota/shifts/<uuid:shift_id>/give", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def give_shift(shift_id: uuid.UUID) -> ResponseReturnValue:
    """Give a shift, or a part of it, to somebody else."""
    shift, instant = _shift(shift_id), now()
    if shift is None or shift.to_at <= instant:
        return _gone()
    form = GiveForm(shift=shift, people=list(rota.coordinators()), now=instant)
    if request.method == "POST" and form.validate():
        week = _week_of(shift)
        try:
            given = rota.give(
                shift=shift,
                to=uuid.UUID(hex=form.who.data),
                from_at=form.start,
                to_at=form.end,
                by=me().actor().by,
                now=instant,
            )
        except rota.Refused as refused:
            form.refuse(_asked_by(refused), str(refused))
        else:
            db.session.commit()
            flash(f"{given.user.name} has it now. Tell them: the rota texts nobody.", "success")
            return _to(week)
        db.session.rollback()
        shift = _shift(shift_id)
        if shift is None:
            return _gone()
    words = render_template(
        "coordinator/rota_give.html",
        form=form,
        shift=shift,
        line=Line(shift.from_at, shift.to_at, shift),
        monday=_week_of(shift),
    )
    return words, 400 if form.errors else 200


@pages.post("/duty/rota/shifts/<uuid:shift_id>/remove")
@allow(Role.COORDINATOR)
def remove_shift(shift_id: uuid.UUID) -> ResponseReturnValue:
    """Take a shift off the rota, or what is still to come of it."""
    shift = _shift(shift_id)
    if shift is None:
        return _gone()
    week, name = _week_of(shift), shift.user.name
    try:
        rota.remove(shift=shift, by=me().actor().by, now=now())
    except rota.Over:
        db.session.rollback()
        return _gone()
    db.session.commit()
    flash(f"{name} is not on call then any more. Look whether a gap is left.", "success")
    return _to(week)


def _week(monday: dt.date) -> str:
    instant = now()
    start, end = rota.week(monday)
    shifts = [shift for shift in rota.between(start=start, end=end) if shift.from_at >= start]
    gaps = rota.gaps(start=max(start, instant), end=end) if end > instant else []
    lines = [Line(shift.from_at, shift.to_at, shift) for shift in shifts]
    lines += [Line(gap.from_at, gap.to_at) for gap in gaps]
    return render_template(
        "coordinator/rota.html",
        monday=monday,
        this_monday=rota.monday_of(workdays.uk(instant).date()),
        before=monday - rota.WEEK,
        after=monday + rota.WEEK,
        days=_by_day(monday, lines),
        on_call=rota.on_call(now=instant),
        coming=_next(instant),
        gaps_ahead=[Line(gap.from_at, gap.to_at) for gap in tending.gaps_ahead(now=instant)],
        looked_until=tending.looked_until(now=instant),
        can_be_texted=rota.can_be_texted,
        over=end <= instant,
        instant=instant,
    )


def _many(many: int, what: str) -> str:
    return f"{many} {what}{'' if many == 1 else 's'}"


def _by_day(monday: dt.date, lines: Sequence[Line]) -> list[tuple[str, list[Line], bool]]:
    """Each day of the week in words, with the lines that begin on it; first before second, a gap where it begins.

    The third part: whether nobody is on call on all of a day, in a gap that began before it.
    """
    names = day_names(monday, monday + dt.timedelta(days=6))
    found: dict[str, list[Line]] = {day: [] for day in names}
    for line in sorted(lines, key=lambda one: (one.from_at, one.shift.place if one.shift else 0)):
        found[f"{workdays.uk(line.from_at):%Y-%m-%d}"].append(line)
    gaps = [line for line in lines if line.shift is None]
    return [(names[day], inside, any(gap.covers(day) for gap in gaps)) for day, inside in found.items()]


def _next(instant: dt.datetime) -> Shift | None:
    """Whose shift begins next, of those who are first."""
    return next(iter(rota.coming(now=instant)), None)


def _monday(said: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(said)
        rota.week(day)  # at the ends of the calendar there is no week before or after
        rota.week(day - rota.WEEK)
        rota.week(day + rota.WEEK)
    except (ValueError, OverflowError):
        raise NotYours from None
    if day != rota.monday_of(day):
        raise NotYours
    return day


def _asked_by(refused: rota.Refused) -> str:
    """The question of either form whose answer was refused."""
    return "who" if isinstance(refused, rota.CannotBeOnCall) else "begins"


def _shift(shift_id: uuid.UUID) -> Shift | None:
    return db.session.get(Shift, shift_id)


def _week_of(shift: Shift) -> dt.date:
    return rota.monday_of(workdays.uk(shift.from_at).date())


def _to(monday: dt.date) -> ResponseReturnValue:
    return redirect(url_for("coordinator.rota_week", monday=f"{monday:%Y-%m-%d}"), 303)


def _gone() -> ResponseReturnValue:
    flash("That shift is over, or was changed meanwhile. This is the rota as it is now.", "notice")
    return redirect(url_for("coordinator.rota_now"), 303)
