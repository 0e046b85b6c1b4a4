"""`jobq worker`: run jobs until told to stop."""

from __future__ import annotations

import typer

from jobq.app import open_driver
from jobq.cli import output
from jobq.cli.command import Command, new_app
from jobq.cli.notices import Notices, configure
from jobq.cli.render.sums import drained
from jobq.cli.session import Session
from jobq.cli.tallying import TallyLine
from jobq.cli.workeroptions import WorkerOptions, make_settings
from jobq.drivers.protocol import Driver
from jobq.errors import Disabled
from jobq.telemetry import mask_dsn
from jobq.worker.judge import Judge
from jobq.worker.signals import SignalPipe
from jobq.worker.supervisor import Supervisor, SupervisorSettings
from jobq.worker.tally import Tally

app = new_app()

EXAMPLES = """
jobq worker --queues critical,default --concurrency 10
jobq worker --queues critical:5,default:1 --max-memory-per-child 512M
jobq worker --drain --fail-on-error --json
"""


class WorkerCommand(Command):
    """Its options fill a page of their own."""

    options = WorkerOptions


@app.command("worker", cls=WorkerCommand, epilog=EXAMPLES)
def worker(ctx: typer.Context) -> int:
    """Run jobs until told to stop."""
    signals = SignalPipe()
    signals.install()
    session = Session.of(ctx)
    options = session.asked(WorkerOptions)
    settings = make_settings(session.config, options, session.given, session.log_level)
    if not session.config.enabled:
        raise Disabled("this installation is switched off", hint="set enabled = true to run jobs again")
    made = session.missing_default()
    driver = open_driver(session.config.dsn, connect_timeout=session.connect_timeout)
    try:
        session.announce(made)
        return _work(session, driver, settings, options, signals)
    finally:
        driver.close()


def _work(
    session: Session, driver: Driver, settings: SupervisorSettings, options: WorkerOptions, signals: SignalPipe
) -> int:
    writer = configure(session.config, session.log_level, session.color)
    notices = Notices(settings.name)
    notices("worker.starting", store=mask_dsn(session.config.dsn), config=str(session.config.file or "none"))
    if options.auto_migrate:
        _migrate(driver, notices)
    supervisor = Supervisor(driver, settings, Judge(session.config.defaults), notices, signals)
    try:
        with TallyLine(lambda: supervisor.tally, shown=options.drain and session.shows_progress):
            code = supervisor.run()
    finally:
        writer.close()
    if options.drain:
        _present(session, supervisor.tally)
    return 1 if code == 0 and options.fail_on_error and supervisor.tally.failed else code


def _migrate(driver: Driver, notices: Notices) -> None:
    for step in driver.migrator.migrate() if driver.migrator is not None else ():
        notices("store.migrated", number=step.number, title=step.title)


def _present(session: Session, tally: Tally) -> None:
    """Print what a drain has done: one document, or one line."""
    if session.given.json:
        print(output.document_text(tally.summary()))
    elif not session.given.quiet:
        print(drained(tally))
