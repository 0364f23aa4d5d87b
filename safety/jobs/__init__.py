"""What runs on a timer, in a process of its own: the timetable, and the command that runs it."""

from __future__ import annotations

import click
from flask import Flask

from safety.jobs import clockwork, supplier
from safety.jobs.clockwork import Job, beat, hand_back, lead, round_of
from safety.jobs.process import LeftAside, Process, this_process
from safety.jobs.rounds import ask_for_figures, erase, merge_forces, post, seal, sweep, tend, watch
from safety.jobs.texts import fetch, send

__all__ = [
    "JOBS",
    "Job",
    "LeftAside",
    "Process",
    "ask_for_figures",
    "beat",
    "erase",
    "fetch",
    "hand_back",
    "init_app",
    "lead",
    "merge_forces",
    "once",
    "post",
    "round_of",
    "seal",
    "send",
    "supplier",
    "sweep",
    "tend",
    "this_process",
    "watch",
]

JOBS = (
    Job("sweep", 15, sweep, alone=True),
    Job("duty", 60, tend, alone=True),
    Job("outbox", 2, send),
    Job("post", 5, post, alone=True),
    Job("figures", 300, ask_for_figures, alone=True),
    Job("fetch", 60, fetch, alone=True),
    Job("reconcile", 3600, supplier.reconcile, alone=True),
    Job("look", 60, supplier.look, alone=True),
    Job("spending", 60, supplier.note_spending, alone=True),
    Job("blank", 300, supplier.blank, alone=True),
    Job("seal", 60, seal),
    Job("erase", 3600, erase),
    Job("forces", 60, merge_forces, alone=True),
    Job("watch", 60, watch),
)


def once(process: Process) -> bool:
    """One round of every job of the timetable, leases or not; False when any failed."""
    return clockwork.once(process, JOBS)


def init_app(app: Flask) -> None:
    """Add `flask jobs` to the app."""

    @app.cli.command("jobs")
    @click.option("--once", "just_once", is_flag=True, help="One round of every job, then stop.")
    def jobs(*, just_once: bool) -> None:
        """Sweep, send and fetch texts, compare records, ask for figures, look after the rota, seal, erase, and watch it all."""
        process = this_process()
        if just_once:
            if not once(process):
                raise SystemExit(1)
            return
        times = ", ".join(f"{job.name} every {job.every_s} s" for job in JOBS)
        click.echo(f"jobs: {times}; texts by {app.config['POS_SMS']}. SIGTERM or Ctrl-C stops it.")
        clockwork.serve(app, process, JOBS)
