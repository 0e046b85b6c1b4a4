from __future__ import annotations

import contextlib
import fcntl
import io
import json
import logging
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from jobq.jobs import Claim
from jobq.telemetry import Event, LogWriter, configure_logging, get_log, job_logger, mask, mask_dsn, worker_logger

SECRET = "hunter2-hunter2"
Configure = Callable[..., LogWriter]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """`configure_logging` that is undone afterwards."""
    root, writers = logging.getLogger(), []
    handlers, level = list(root.handlers), root.level

    def call(*args: Any, **options: Any) -> LogWriter:
        writers.append(configure_logging(*args, **options))
        return writers[-1]

    yield call
    for writer in writers:
        writer.close()
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


class Lines:
    """A stream in memory, read back as JSON."""

    def __init__(self, configure: Configure, *args: Any, **options: Any) -> None:
        self.stream = io.StringIO()
        self.writer = configure(*(args or ("info", "json")), stream=self.stream, **options)

    def text(self) -> str:
        assert self.writer.flush(10)
        return self.stream.getvalue()

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


class Pipe:
    """A small pipe whose reader has stopped reading."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        self.stream = os.fdopen(writer, "w")

    def fill(self) -> None:
        descriptor = self.stream.fileno()
        os.set_blocking(descriptor, False)
        try:
            while True:
                os.write(descriptor, b"x" * 1024)
        except BlockingIOError:
            os.set_blocking(descriptor, True)

    def read_to_end(self) -> bytes:
        with os.fdopen(self.reader, "rb") as reader:
            return reader.read()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    with contextlib.suppress(OSError):
        pipe.stream.close()
    with contextlib.suppress(OSError):
        os.close(pipe.reader)


def run(program: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environ,
        check=False,
        text=True,
        timeout=50,
        **{"stderr": subprocess.PIPE, **options},
    )


def claim(metadata: str = "{}") -> Claim:
    now = datetime.now(UTC)
    return Claim(
        id="j1",
        token="t",
        name="email:send",
        queue="emails",
        attempt=2,
        payload="{}",
        metadata=metadata,
        run_at=now,
        created_at=now,
    )


def fail_with(error: Exception) -> None:
    raise error


# Events


def test_an_event_is_one_line_of_json_that_begins_with_when_how_bad_and_what(configure: Configure) -> None:
    lines = Lines(configure, fields={"worker": "w1"})

    get_log(queue="emails").info(Event.JOB_COMPLETED, duration=0.5)

    (line,) = lines.read()
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() is not None
    assert line == {"level": "info", "event": "job.completed", "worker": "w1", "queue": "emails", "duration": 0.5}


def test_what_is_below_the_level_is_not_written(configure: Configure) -> None:
    lines = Lines(configure, "warning", "json")

    get_log().info("quiet")
    logging.getLogger("library").info("quiet")
    get_log().warning("loud")

    assert [line["event"] for line in lines.read()] == ["loud"]


def test_a_job_s_logger_names_the_job_and_its_correlation(configure: Configure) -> None:
    lines = Lines(configure)

    job_logger(claim('{"correlation_id":"c7"}'), worker="w1").info("x")
    job_logger(claim('{"a":"correlation_id"}')).info("x")
    worker_logger("w1").info("x")

    first, second, third = lines.read()
    job = {"job_id": "j1", "job_name": "email:send", "queue": "emails", "attempt": 2}
    assert first == {**first, **job, "worker": "w1", "correlation_id": "c7"}
    assert second == {**second, **job}
    assert "correlation_id" not in second
    assert third["worker"] == "w1"


def test_an_exception_is_one_line_with_its_traceback(configure: Configure) -> None:
    lines = Lines(configure)

    try:
        fail_with(ValueError("no"))
    except ValueError:
        get_log().exception("failed")

    (line,) = lines.read()
    assert line["exception"].endswith("ValueError: no")
    assert 'fail_with(ValueError("no"))' in line["exception"]


def test_values_that_json_does_not_know_cannot_break_the_log(configure: Configure) -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError

    lines = Lines(configure)
    cyclic: list[Any] = []
    cyclic.append(cyclic)

    get_log().info(
        "x", a=Hostile(), b=cyclic, c={1: {2}}, d=datetime(2026, 1, 2, tzinfo=UTC), e=ValueError("v"), f=b"x"
    )

    (line,) = lines.read()
    assert line["a"] == "<Hostile without a repr>"
    assert line["c"] == {"1": [2]}
    assert line["d"] == "2026-01-02T00:00:00Z"
    assert line["e"] == "ValueError: v"
    assert line["f"] == "b'x'"


def test_a_very_long_text_is_cut(configure: Configure) -> None:
    lines = Lines(configure)

    get_log().info("x", text="y" * 1_000_000)

    assert lines.read()[0]["text"].endswith("… (1000000 characters)")


def test_libraries_that_use_standard_logging_write_the_same_lines(configure: Configure) -> None:
    lines = Lines(configure)

    logging.getLogger("library").warning("took %d s, %s", 3, f"postgresql://u:{SECRET}@db")
    logging.getLogger("library").log(35, "odd level")
    first, second = lines.read()
    assert (first["event"], first["logger"]) == ("took 3 s, postgresql://u:***@db", "library")
    assert second["level"] == "warning"


def test_a_library_s_line_whose_arguments_do_not_fit_is_written_as_it_is(configure: Configure) -> None:
    lines = Lines(configure)
    record = logging.makeLogRecord({"msg": "does not fit %d", "args": ("x",), "levelno": logging.ERROR})

    logging.getLogger().handlers[-1].handle(record)

    assert lines.read()[0]["event"] == "does not fit %d"


def test_configuring_twice_does_not_write_twice(configure: Configure) -> None:
    Lines(configure)
    lines = Lines(configure)

    logging.getLogger("library").warning("once")

    assert len(lines.read()) == 1


def test_a_handler_that_writes_to_standard_error_is_replaced_and_others_stay(
    configure: Configure, tmp_path: Path
) -> None:
    root = logging.getLogger()
    blocking, kept = logging.StreamHandler(sys.stderr), logging.FileHandler(tmp_path / "log")
    root.handlers += [blocking, kept]

    Lines(configure)

    assert blocking not in root.handlers
    assert kept in root.handlers
    kept.close()


# Forms


def test_auto_is_json_without_a_terminal_and_text_with_one(configure: Configure) -> None:
    assert Lines(configure, "info", "auto").text() == ""
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as terminal:
        writer = configure("info", "auto", stream=terminal, color="never")
        get_log().info("hello", number=1)
        assert writer.flush(10)
        shown = os.read(leader, 4096).decode()
    os.close(leader)

    assert "hello" in shown
    assert "number=1" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(("color", "first"), [("always", "\x1b"), ("never", "2"), ("auto", "2")])
def test_colours_are_for_terminals_or_on_request(configure: Configure, color: str, first: str) -> None:
    lines = Lines(configure, "info", "console", color=color)

    get_log().info("hello")

    assert lines.text()[0] == first


def test_data_can_neither_forge_a_console_line_nor_drive_the_terminal(configure: Configure) -> None:
    lines = Lines(configure, "info", "console")
    evil = "a\n2026-01-01 [error] forged\x1b[2J\x9b\u202e\u2028"

    get_log().info(evil, value=evil)

    text = lines.text()
    assert text.count("\n") == 1
    assert text.rstrip("\n").isprintable()
    assert r"\x1b" in text


def test_a_traceback_on_the_console_keeps_its_lines_and_nothing_else(configure: Configure) -> None:
    lines = Lines(configure, "info", "console")

    try:
        fail_with(ValueError("\x1b[2J"))
    except ValueError:
        get_log().exception("failed")

    text = lines.text()
    assert "Traceback (most recent call last):\n" in text
    assert "\x1b" not in text


# Secrets


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"postgresql://u:{SECRET}@db/jobs", "postgresql://u:***@db/jobs"),
        (f"postgres://u:{SECRET}@db,db2/jobs", "postgres://u:***@db,db2/jobs"),
        (f"postgresql://u:p@{SECRET}@db", "postgresql://u:***@db"),
        (f"postgresql://u:a/{SECRET}@db", "postgresql://u:***@db"),
        (f"postgresql://:{SECRET}@db", "postgresql://:***@db"),
        (
            f"postgresql://db/x?user=u&password={SECRET}&sslmode=require",
            "postgresql://db/x?user=u&password=***&sslmode=require",
        ),
        (f"host=db password={SECRET} user=u", "host=db password=*** user=u"),
        (f"host=db password = 'a b\\' {SECRET}' user=u", "host=db password = *** user=u"),
        (f"cannot reach 'postgresql://u:{SECRET}@db': refused", "cannot reach 'postgresql://u:***@db': refused"),
        (f"https://u:{SECRET}@sqs.local/1/q and http://u:{SECRET}@x", "https://u:***@sqs.local/1/q and http://u:***@x"),
        (f"postgresql://u:{'x' * 50_000}@db", "postgresql://u:***@db"),
        (f"{'u' * 5000}://{'u' * 5000}:{SECRET}@db", f"{'u' * 5000}://{'u' * 5000}:***@db"),
        (f"password='unfinished {SECRET}", "password=***"),
        ("postgresql://u@db/x", "postgresql://u@db/x"),
        ("sqlite:////var/lib/jobq.db", "sqlite:////var/lib/jobq.db"),
        ("https://host:8080/users/@me", "https://host:8080/users/@me"),
        ("mail a@example.com: done", "mail a@example.com: done"),
    ],
)
def test_passwords_in_dsns_are_masked_and_the_rest_stays(text: str, masked: str) -> None:
    assert mask_dsn(text) == masked


@given(
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8),
    st.sampled_from(["db/x", "h:5432/x?a=b", "h"]),
)
def test_no_password_survives_masking(password: str, rest: str) -> None:
    secret = f"Q{password}Q"

    assert secret not in mask_dsn(f"error: postgresql://u:{secret}@{rest} ({rest})")


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "a-b.",
        "postgres://a:",
        "x://a:",
        "://",
        "password=",
        "password='",
        "password ",
        "password",
        " ",
        "password='\\'",
    ],
)
def test_masking_a_hostile_text_takes_no_time_to_speak_of(part: str) -> None:
    text = f"@ {part * (32768 // len(part))}"

    before = time.process_time()
    mask_dsn(text)

    assert time.process_time() - before < 1.0


def test_secrets_are_masked_wherever_they_stand_in_an_event(configure: Configure) -> None:
    lines = Lines(configure)
    dsn = f"postgresql://u:{SECRET}@db"

    try:
        fail_with(OSError(dsn))
    except OSError as error:
        get_log(password=SECRET).exception(
            f"at {dsn}",
            payload={"user": {"api_key": SECRET}},
            tokens=[SECRET],
            dsns=(dsn,),
            error=error,
            text=f"token={SECRET}",
        )

    text = lines.text()
    assert SECRET not in text
    assert "postgresql://u:***@db" in text


def test_other_keys_can_be_declared_secret() -> None:
    event = mask(["iban"])(None, "info", {"my_iban": SECRET, "password": "shown"})

    assert event == {"my_iban": "***", "password": "shown"}


# A writer that never waits


def test_a_stuck_reader_makes_nobody_wait_and_what_is_missing_is_counted(configure: Configure, pipe: Pipe) -> None:
    pipe.fill()
    writer = configure("info", "json", stream=pipe.stream, capacity=64 * 1024)
    log = get_log()

    slowest = 0.0
    for number in range(5000):
        before = time.perf_counter()
        log.info("line", number=number)
        slowest = max(slowest, time.perf_counter() - before)

    dropped = writer.dropped
    assert dropped > 3000
    assert slowest < 1.0
    assert not writer.flush(0.01)

    answer: list[bytes] = []
    reader = threading.Thread(target=lambda: answer.append(pipe.read_to_end()))
    reader.start()
    assert writer.flush(30)
    writer.close()
    pipe.stream.close()
    reader.join(30)
    lines = [json.loads(line) for line in answer[0].lstrip(b"x").splitlines()]
    written = [line["number"] for line in lines if line["event"] == "line"]
    reports = [line["dropped"] for line in lines if line["event"] == "log.dropped"]
    assert written == list(range(len(written)))
    assert len(written) + sum(reports) == 5000
    assert len(reports) >= 1
    assert all(line["level"] == "warning" for line in lines if line["event"] == "log.dropped")


def test_a_process_whose_reader_is_stuck_works_on_and_can_still_leave(pipe: Pipe) -> None:
    program = (
        "from jobq.telemetry import configure_logging, get_log\n"
        "configure_logging('info', 'json')\n"
        "for number in range(20000): get_log().info('line', text='x' * 1000)\n"
        "print('worked', flush=True)\n"
    )
    pipe.fill()

    done = run(program, stdout=subprocess.PIPE, stderr=pipe.stream)

    assert (done.returncode, done.stdout) == (0, "worked\n")


def test_the_last_lines_are_written_when_the_process_ends() -> None:
    program = (
        "from jobq.telemetry import configure_logging, get_log\n"
        "configure_logging('info', 'json')\n"
        "for number in range(1000): get_log().info('line', number=number)\n"
        "raise SystemExit(3)\n"
    )

    done = run(program)

    assert done.returncode == 3
    assert [json.loads(line)["number"] for line in done.stderr.splitlines()] == list(range(1000))


def test_a_forked_child_logs_without_being_set_up_again() -> None:
    program = (
        "import os, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from jobq.telemetry import configure_logging, get_log\n"
        "writer = configure_logging('info', 'json')\n"
        "for number in range(100): get_log().info('parent', number=number)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    get_log().info('child')\n"
        "    writer.flush(10)\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
    )

    done = run(program)

    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert sorted(events) == ["child", *["parent"] * 100]


def test_a_reader_that_is_gone_stops_nobody(configure: Configure, pipe: Pipe) -> None:
    os.close(pipe.reader)
    writer = configure("info", "json", stream=pipe.stream)

    get_log().info("into the void")

    assert writer.flush(10)


def test_a_stream_that_somebody_made_nonblocking_loses_nothing(configure: Configure, pipe: Pipe) -> None:
    os.set_blocking(pipe.stream.fileno(), False)
    writer = configure("info", "json", stream=pipe.stream)
    answer: list[bytes] = []
    reader = threading.Thread(target=lambda: answer.append(pipe.read_to_end()))

    for number in range(500):
        get_log().info("line", number=number)
    reader.start()
    assert writer.flush(30)
    pipe.stream.close()
    reader.join(30)

    assert [json.loads(line)["number"] for line in answer[0].splitlines()] == list(range(500))


def test_many_threads_may_write_and_no_line_is_torn(configure: Configure) -> None:
    lines = Lines(configure)

    def write(name: int) -> None:
        for number in range(200):
            get_log().info("line", name=name, number=number)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = lines.read()
    assert {(line["name"], line["number"]) for line in found} == {(a, b) for a in range(8) for b in range(200)}


def test_a_closed_writer_drops_and_closing_twice_is_fine() -> None:
    written: list[bytes] = []
    writer = LogWriter(written.append, str)

    writer.write("a\n")
    writer.close()
    writer.close()
    writer.write("b\n")

    assert written == [b"a\n"]
    assert writer.dropped == 1


def test_a_process_without_standard_error_logs_to_nowhere() -> None:
    program = (
        "import sys\n"
        "sys.stderr = None\n"
        "from jobq.telemetry import configure_logging, get_log\n"
        "writer = configure_logging()\n"
        "get_log().info('x')\n"
        "assert writer.flush(10)\n"
    )

    assert run(program).returncode == 0


def test_structlog_is_imported_only_when_logging_is_configured() -> None:
    program = "import sys, jobq.telemetry, jobq.config, jobq.handlers\nassert 'structlog' not in sys.modules\n"

    assert run(program).returncode == 0


def test_the_names_of_events_are_dotted_words() -> None:
    assert all(name.replace(".", "").replace("_", "").isalpha() and name.islower() for name in Event)
    assert {"job.started", "job.completed", "job.retrying", "job.failed", "metrics"} <= set(Event)
