"""`jobq worker`: one process that minds the store, the children, the signals and systemd."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import uuid4

import msgspec

from jobq.drivers.protocol import Driver
from jobq.jobs import Command, SessionInfo, SessionState
from jobq.worker.boot import Boot
from jobq.worker.engine import Engine, Mode
from jobq.worker.errand import Patience
from jobq.worker.frames import Broken, Loaded
from jobq.worker.handle import Handle, Phase
from jobq.worker.judge import Judge
from jobq.worker.linux import adopt_orphans
from jobq.worker.mold import Mold
from jobq.worker.pool import FIRST_PAUSE, LONGEST_PAUSE, Pool
from jobq.worker.scale import Scale
from jobq.worker.settings import EngineSettings, PoolSettings
from jobq.worker.signals import SignalPipe
from jobq.worker.startup import first_mold, register
from jobq.worker.systemd import Systemd
from jobq.worker.tally import Tally

LOOK = 1.0
LOOK_SOON = 0.1
SECOND_SIGNAL = 1.0
STALLED = 30.0
FORCED, OVERRAN = 130, 75

Notice = Callable[..., None]


@dataclass(frozen=True)
class SupervisorSettings:
    """Everything `jobq worker` was told. `startup_timeout` is how long an unreachable store is waited for."""

    name: str
    version: str
    engine: EngineSettings
    pool: PoolSettings
    boot: Boot
    min_processes: int | None = None
    max_processes: int | None = None
    startup_timeout: float = 30.0


class Supervisor:
    """Run the engine over children, and do what operators ask.

    1. Load everything in a template process; refuse to start when that fails.
    2. Turn signals and inbox commands into verbs of the engine and the pool.
    3. Reap every process that the kernel hands us.
    4. Tell systemd, and follow the backlog with the number of children.

    `signals` is installed already, so that a signal during the start is kept and not lost. `tally` says what was
    settled, also after `run` has returned.
    """

    def __init__(
        self, driver: Driver, settings: SupervisorSettings, judge: Judge, notice: Notice, signals: SignalPipe
    ) -> None:
        self._driver = driver
        self._settings = settings
        self._judge = judge
        self._notice = notice
        self._signals = signals
        self._systemd = Systemd(os.environ)
        self._pool: Pool
        self._engine: Engine
        self.tally = Tally()
        self._next_mold: Mold | None = None
        self._reload_again = False
        self._rolling: list[Handle] = []
        self._mold_pause = 0.0
        self._mold_due: float | None = None
        self._first_stop = 0.0
        self._forced = False
        self._said_ready = False
        self._next_beat = 0.0
        self._scale = self._make_scale()

    def run(self) -> int:
        """Work until told to stop, or until drained; returns the exit code."""
        adopt_orphans()
        boot = msgspec.structs.replace(self._settings.boot, supervisor=os.getpid(), worker=self._settings.name)
        mold = first_mold(boot, self._signals)
        if mold is None:
            return 0
        self._pool = Pool(self._settings.pool, mold, self._judge, self._notice)
        self._pool.register(self._signals.fd, self._on_signal)
        self._watch_mold(mold)
        self._engine = Engine(
            self._driver, self._pool, self._settings.engine, self._judge, info=self._session_info, notice=self._notice
        )
        self.tally = self._engine.tally
        try:
            patience = Patience("start", self._notice)
            if not register(self._engine.start, self._settings.startup_timeout, patience, self._signals):
                return 0
            with self._driver.listen(self._engine.hint):
                self._loop()
        finally:
            self._pool.kill()
            self._pool.mold.stop()
        return self._exit_code()

    def _loop(self) -> None:
        self._pool.mold.tell("jobq_worker_started", self._session_info())
        self._report_broken(self._pool.mold)
        self._notice("worker.started", processes=self._pool.target, concurrency=self._settings.pool.concurrency)
        while not self._engine.is_finished:
            self._engine.run_once(LOOK_SOON if self._settings.engine.drain or self._engine.is_stopping else LOOK)
            if self._engine.error is not None:
                raise self._engine.error
            while self._engine.commands:
                self._obey(self._engine.commands.popleft())
            self._replace_dead_mold()
            self._advance_reload()
            self._advance_rolling()
            self._follow_backlog()
            self._report()
        self._see_children_off()
        self._notice("worker.stopped", **self.tally.summary())

    def _session_info(self) -> SessionInfo:
        demand = self._settings.engine.demand
        return SessionInfo(
            id=str(uuid4()),
            name=self._settings.name,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=self._settings.version,
            queues=tuple(share.queue for share in demand.queues),
            handlers=tuple(self._pool.handlers()),
            processes=self._pool.target,
            concurrency=self._settings.pool.concurrency,
        )

    # Signals and commands.

    def _on_signal(self, _: int) -> None:
        verbs: dict[int, Callable[[], None]] = {
            signal.SIGCHLD: self._reap,
            signal.SIGHUP: self._reload,
            signal.SIGTSTP: self._quiet,
            signal.SIGCONT: self._resume,
            signal.SIGTTIN: lambda: self._set_target(self._pool.target + 1),
            signal.SIGTTOU: lambda: self._set_target(self._pool.target - 1),
            signal.SIGUSR1: self._dump,
            signal.SIGUSR2: self._roll,
            signal.SIGTERM: lambda: self._stop(signal.SIGTERM),
            signal.SIGINT: lambda: self._stop(signal.SIGINT),
        }
        for number in self._signals.read():
            verbs[number]()

    def _obey(self, command: Command) -> None:
        self._notice("worker.command", kind=command.kind, job_id=command.job_id, value=command.value)
        match command.kind:
            case "cancel" | "kill":
                self._pool.cancel(command.job_id or "", kill=command.kind == "kill", reason=command.reason)
            case "quiet":
                self._quiet()
            case "resume":
                self._resume()
            case "stop":
                self._stop(signal.SIGTERM)
            case "scale":
                self._set_target(command.value or 1)
            case "dump":
                self._dump()

    def _stop(self, number: signal.Signals) -> None:
        now = time.monotonic()
        if not self._engine.is_stopping:
            self._first_stop = now
            hint = "press Ctrl-C again to force" if number is signal.SIGINT and sys.stderr.isatty() else None
            self._notice("worker.stopping", signal=number.name, running=len(self._pool.running()), hint=hint)
            self._systemd.stopping()
            self._pool.mold.tell("jobq_worker_stopping", self._session_info())
            self._engine.stop()
        elif self._first_stop == 0.0 or now - self._first_stop > SECOND_SIGNAL:
            # Orchestrators repeat themselves within a moment; a person who presses again means it.
            self._forced = True
            self._engine.stop_now()

    def _quiet(self) -> None:
        self._engine.quiet()
        self._notice("worker.quiet", running=len(self._pool.running()))

    def _resume(self) -> None:
        self._engine.resume()
        self._notice("worker.resumed")

    def _set_target(self, target: int) -> None:
        self._pool.target = max(1, target)
        if self._scale is not None:
            least, most = min(self._scale.least, self._pool.target), max(self._scale.most, self._pool.target)
            self._scale = replace(self._scale, least=least, most=most)
        self._notice("worker.scaled", processes=self._pool.target)

    def _dump(self) -> None:
        """Running jobs and every thread's stack; children write theirs from a C handler, stuck or not."""
        for running in self._pool.running():
            claim = running.claim
            facts = {"job_id": claim.id, "job_name": claim.name, "attempt": claim.attempt, "place": running.place}
            self._notice("job.running", **facts, duration=round(running.seconds, 3))
        faulthandler.dump_traceback(file=2, all_threads=True)
        for pid in self._pool.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)

    # Reload and replacement.

    def _reload(self) -> None:
        """Load everything anew beside the old; only when that has worked does anything change."""
        if self._next_mold is not None or self._engine.is_stopping:
            self._reload_again = self._next_mold is not None  # what it loads now may be older than this request
            return
        self._systemd.reloading()
        self._notice("worker.reloading")
        self._next_mold = Mold(self._pool.mold.boot)
        self._watch_mold(self._next_mold)

    def _advance_reload(self) -> None:
        mold = self._next_mold
        if mold is None or (mold.answer is None and not mold.closed):
            return
        self._next_mold = None
        if isinstance(mold.answer, Loaded):
            self._pool.unregister(self._pool.mold.sock.fileno())
            self._pool.replace_all(mold)
            self._judge.renew(mold.answer.defaults)
            self._engine.reload_handlers(mold.answer.handlers)
            self._report_broken(mold)
            self._notice("worker.reloaded", handlers=len(mold.answer.handlers))
        else:
            reason = mold.answer.message if mold.answer else "the template process died"
            self._notice("worker.reload_failed", error=reason, kept="the old configuration and handlers")
        self._systemd.ready()
        if self._reload_again:
            self._reload_again = False
            self._reload()

    def _report_broken(self, mold: Mold) -> None:
        """Say which plugins were left out."""
        for line in mold.answer.broken if isinstance(mold.answer, Loaded) else ():
            self._notice("plugin.broken", error=line)

    def _roll(self) -> None:
        """Replace the children one by one."""
        self._rolling = self._pool.ready()
        self._notice("worker.replacing", children=len(self._rolling))

    def _advance_rolling(self) -> None:
        """Send the next child away when the one before it has been replaced."""
        if self._rolling and self._pool.counts()[Phase.READY] >= self._pool.target:
            self._rolling.pop(0).leave()

    def _watch_mold(self, mold: Mold) -> None:
        fd = mold.sock.fileno()

        def on_word(_: int) -> None:
            mold.read()
            if mold.closed:
                self._pool.unregister(fd)
                if mold is self._pool.mold and not self._engine.is_finished:
                    self._mourn_mold()

        self._pool.register(fd, on_word)

    def _mourn_mold(self) -> None:
        """The template died: no job ran there, so nothing is lost but the ability to fork, until the next one is up."""
        answer = self._pool.mold.answer
        self._mold_pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, self._mold_pause * 2))
        self._mold_due = time.monotonic() + self._mold_pause
        self._notice("template.died", error=answer.message if isinstance(answer, Broken) else None)
        self._pool.mold.sock.close()

    def _replace_dead_mold(self) -> None:
        if self._mold_due is not None and time.monotonic() >= self._mold_due:
            self._mold_due = None
            self._pool.mold = Mold(self._pool.mold.boot)
            self._watch_mold(self._pool.mold)
        elif isinstance(self._pool.mold.answer, Loaded) and self._mold_due is None:
            self._mold_pause = 0.0

    def _reap(self) -> None:
        """Collect every dead child and adopted orphan."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._pool.died(pid, os.waitstatus_to_exitcode(status))

    # What the world gets to see.

    def _make_scale(self) -> Scale | None:
        least, most = self._settings.min_processes, self._settings.max_processes
        if least is None and most is None:
            return None
        processes = self._settings.pool.processes
        return Scale(least if least is not None else min(processes, most or processes), most or processes)

    def _follow_backlog(self) -> None:
        if self._scale is None or self._engine.mode is not Mode.WORKING:
            return
        target = self._scale.decide(
            self._pool.target,
            work_waits=self._engine.backlog_waits,
            is_idle=self._pool.outstanding() == 0,
            now=time.monotonic(),
        )
        if target != self._pool.target:
            self._pool.target = target
            self._notice("worker.scaled", processes=target)

    def _report(self) -> None:
        ready = self._pool.counts()[Phase.READY]
        if not self._said_ready and (ready > 0 or self._pool.target == 0):
            self._said_ready = True
            self._systemd.ready()
        tally = self.tally
        running = self._pool.outstanding()
        state = {Mode.WORKING: SessionState.RUNNING, Mode.QUIET: SessionState.QUIET}.get(
            self._engine.mode, SessionState.STOPPING
        )
        self._systemd.status(
            f"{state}: {ready} children, {running} jobs, {tally.processed} done, {tally.failed} failed"
        )
        self._engine.describe(state, self._pool.target)
        if time.monotonic() >= self._next_beat and self._is_alive():
            self._next_beat = time.monotonic() + (self._systemd.watchdog / 3 or LOOK)
            self._systemd.alive()

    def _is_alive(self) -> bool:
        """Alive means progress: a worker that wants jobs and has stopped asking for them is not."""
        return not self._engine.is_stuck(STALLED)

    def _see_children_off(self) -> None:
        """Let idle children go by themselves for a moment; `run` kills what is left."""
        self._pool.stop()
        end = time.monotonic() + LOOK
        while self._pool.pids() and time.monotonic() < end:
            self._pool.wait(LOOK_SOON)

    def _exit_code(self) -> int:
        if self._forced:
            return FORCED
        return OVERRAN if self._engine.overran else 0
