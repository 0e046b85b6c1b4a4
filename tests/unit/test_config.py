from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.config import Config, Defaults, Http, Sqs, Worker, example, load_config
from jobq.config.tables import KEYS, TABLES
from jobq.errors import ConfigError

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-hunter2"


class Place:
    """A working directory and a home with nothing in them."""

    def __init__(self, root: Path) -> None:
        self.cwd = root / "work"
        self.home = root / "home"
        self.cwd.mkdir()
        self.home.mkdir()

    def write(self, text: str, name: str = "jobq.toml") -> Path:
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def load(self, path: Path | None = None, environ: Mapping[str, str] | None = None, **overrides: object) -> Config:
        return load_config(path, environ={"HOME": str(self.home), **(environ or {})}, cwd=self.cwd, **overrides)

    def refusal(self, environ: Mapping[str, str] | None = None, **overrides: object) -> str:
        with pytest.raises(ConfigError) as caught:
            self.load(None, environ, **overrides)
        return str(caught.value)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# Where settings come from


def test_without_any_configuration_jobs_wait_in_sqlite_in_the_state_folder(place: Place) -> None:
    config = place.load()

    assert config.dsn == f"sqlite://{place.home}/.local/state/jobq/jobq.db"
    assert config.origins["dsn"] == "default"
    assert config.file is None


def test_xdg_state_home_moves_the_default_store(place: Place) -> None:
    assert place.load(environ={"XDG_STATE_HOME": "/var/state"}).dsn == "sqlite:///var/state/jobq/jobq.db"


def test_a_relative_xdg_folder_counts_as_unset(place: Place) -> None:
    assert place.load(environ={"XDG_STATE_HOME": "state"}).dsn.startswith(f"sqlite://{place.home}/")


def test_a_file_is_overridden_by_credentials_then_the_environment_then_arguments(place: Place, tmp_path: Path) -> None:
    place.write("[worker]\nconcurrency = 2\nprocesses = 2\nkill_grace = 2\nhang_timeout = 22\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for key in ("processes", "kill_grace", "hang_timeout"):
        (credentials / f"worker.{key}").write_text("3\n")
    environ = {
        "CREDENTIALS_DIRECTORY": str(credentials),
        "JOBQ_WORKER__KILL_GRACE": "4",
        "JOBQ_WORKER__HANG_TIMEOUT": "4",
    }

    config = place.load(None, environ, worker={"hang_timeout": 5})

    assert config.worker.concurrency == 2
    assert config.worker.processes == 3
    assert config.worker.kill_grace == 4.0
    assert config.worker.hang_timeout == 5.0
    assert config.origins["worker.concurrency"] == "jobq.toml:2"
    assert config.origins["worker.processes"] == "credential worker.processes"
    assert config.origins["worker.kill_grace"] == "JOBQ_WORKER__KILL_GRACE"
    assert config.origins["worker.hang_timeout"] == "argument"
    assert config.origins["worker.mode"] == "default"


def test_the_first_file_that_is_found_counts_alone(place: Place) -> None:
    user = place.home / ".config/jobq/config.toml"
    user.parent.mkdir(parents=True)
    user.write_text('[defaults]\nqueue = "user"\n')
    assert place.load().defaults.queue == "user"

    place.write('[tool.jobq.defaults]\nqueue = "project"\n', "pyproject.toml")
    assert place.load().defaults.queue == "project"

    place.write("[worker]\nconcurrency = 9\n")
    config = place.load()
    assert (config.defaults.queue, config.worker.concurrency) == ("default", 9)


def test_jobq_config_wins_over_what_is_found_and_an_argument_over_that(place: Place) -> None:
    place.write("[worker]\nconcurrency = 1\n")
    place.write("[worker]\nconcurrency = 2\n", "two.toml")
    place.write("[worker]\nconcurrency = 3\n", "three.toml")
    environ = {"JOBQ_CONFIG": "two.toml"}

    assert place.load(None, environ).worker.concurrency == 2
    assert place.load(Path("three.toml"), environ).worker.concurrency == 3


def test_jobq_config_file_holds_the_path(place: Place) -> None:
    path = place.write("[worker]\nconcurrency = 2\n", "two.toml")
    pointer = place.write(f"{path}\n", "pointer")

    config = place.load(None, {"JOBQ_CONFIG_FILE": str(pointer)})

    assert config.file == path


def test_a_pyproject_that_says_nothing_about_jobq_is_none_of_our_business(place: Place) -> None:
    place.write("this is = not TOML", "pyproject.toml")

    assert place.load().file is None


def test_lines_of_pyproject_are_counted_from_its_top(place: Place) -> None:
    place.write('[project]\nname = "x"\n\n[tool.jobq.worker]\nconcurrency = 7\n', "pyproject.toml")

    assert place.load().origins["worker.concurrency"] == "pyproject.toml:5"


def test_every_way_of_writing_a_key_in_toml_has_a_line(place: Place) -> None:
    place.write('worker.concurrency = 2\ndefaults = { queue = "x" }\n[ "log" ]\n"level" = "debug"\n')

    origins = place.load().origins

    assert origins["worker.concurrency"] == "jobq.toml:1"
    assert origins["defaults.queue"] == "jobq.toml:2"
    assert origins["log.level"] == "jobq.toml:4"


def test_relative_folders_start_at_the_file_that_names_them(place: Place) -> None:
    path = place.write('[plugins]\ndirs = ["handlers", "/abs"]\n', "etc/jobq.toml")

    assert place.load(path).plugins.dirs == (place.cwd / "etc/handlers", Path("/abs"))
    assert place.load(environ={"JOBQ_PLUGINS__DIRS": "h"}).plugins.dirs == (place.cwd / "h",)
    assert place.load(plugins={"dirs": [Path("h")]}).plugins.dirs == (place.cwd / "h",)


def test_a_value_may_stand_in_a_file_of_its_own(place: Place) -> None:
    place.write("postgresql:///jobs\n", "dsn")
    place.write("5m\n", "timeout")

    config = place.load(None, {"JOBQ_DSN_FILE": "dsn", "JOBQ_DEFAULTS__TIMEOUT_FILE": str(place.cwd / "timeout")})

    assert config.dsn == "postgresql:///jobs"
    assert config.defaults.timeout == 300.0
    assert config.origins["dsn"] == "JOBQ_DSN_FILE"


def test_the_short_variables_work(place: Place) -> None:
    environ = {"JOBQ_DSN": "memory://", "JOBQ_HTTP_SECRET": SECRET, "JOBQ_ENABLED": "no"}

    config = place.load(None, environ)

    assert (config.dsn, config.http.secret, config.enabled) == ("memory://", (SECRET,), False)


def test_systemd_credentials_are_named_like_keys_and_others_are_left_alone(place: Place, tmp_path: Path) -> None:
    for name, text in {"dsn": "memory://", "http.secret": f"{SECRET}\n", "email.password": "x"}.items():
        (tmp_path / name).write_text(text)

    config = place.load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert (config.dsn, config.http.secret) == ("memory://", (SECRET,))


def test_variables_of_plugins_and_of_the_command_line_are_left_alone(place: Place) -> None:
    environ = {"JOBQ_EMAIL_HOST": "mail", "JOBQ_COLOR": "never", "PATH": "/bin"}

    assert place.load(None, environ) == place.load()


def test_arguments_may_be_nested_flat_or_dotted_and_none_is_not_given(place: Place) -> None:
    assert place.load(worker={"concurrency": 2, "processes": None}).worker.concurrency == 2
    assert place.load(worker__concurrency=3).worker.concurrency == 3
    dotted: Any = {"worker.concurrency": 4}
    assert place.load(**dotted).worker.concurrency == 4
    assert place.load(dsn=None).origins["dsn"] == "default"


def test_unset_sqs_keys_fall_back_to_the_customary_variables(place: Place) -> None:
    environ = {
        "SQS_QUEUE_URL": "https://sqs/q",
        "SQS_DLQ_URL": "https://sqs/dlq",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "JOBQ_DEFAULTS__QUEUE": "main",
    }

    config = place.load(None, environ)

    assert config.sqs == Sqs(
        queues={"main": "https://sqs/q"},
        dead_letter_queue="https://sqs/dlq",
        region="eu-central-1",
        endpoint_url="http://127.0.0.1:4566",
    )
    assert config.origins["sqs.region"] == "AWS_REGION"


def test_a_set_sqs_key_wins_over_a_fallback_and_an_empty_fallback_is_unset(place: Place) -> None:
    place.write('[sqs]\nregion = "eu-west-1"\n[sqs.queues]\nemails = "https://sqs/emails"\n')

    config = place.load(None, {"AWS_REGION": "us-east-1", "SQS_QUEUE_URL": "https://sqs/q", "SQS_DLQ_URL": ""})

    assert config.sqs == Sqs(region="eu-west-1", queues={"emails": "https://sqs/emails"})
    assert config.origins["sqs.queues"] == "jobq.toml:3"


# How values are read


@pytest.mark.parametrize("value", [300, 300.0, "300", "5m", "5 minutes", "PT5M", timedelta(minutes=5)])
def test_a_duration_means_the_same_however_it_is_written(place: Place, value: object) -> None:
    assert place.load(defaults={"timeout": value}).defaults.timeout == 300.0


@pytest.mark.parametrize("value", ["512M", "512MiB", 536870912, "536870912"])
def test_a_size_means_the_same_however_it_is_written(place: Place, value: object) -> None:
    assert place.load(worker={"max_memory_per_child": value}).worker.max_memory_per_child == 2**29


@pytest.mark.parametrize("value", [["a", "b"], ("a", "b"), "a,b", " a , b ", '["a", "b"]'])
def test_a_list_means_the_same_however_it_is_written(place: Place, value: object) -> None:
    assert place.load(plugins={"modules": value}).plugins.modules == ("a", "b")


@pytest.mark.parametrize(
    "text", ["emails=https://sqs/e?a=b,x=https://sqs/x", '{"emails": "https://sqs/e?a=b", "x": "https://sqs/x"}']
)
def test_queue_urls_can_be_given_in_one_variable(place: Place, text: str) -> None:
    queues = place.load(None, {"JOBQ_SQS__QUEUES": text}).sqs.queues

    assert queues == {"emails": "https://sqs/e?a=b", "x": "https://sqs/x"}


def test_a_path_in_a_dsn_may_have_blanks(place: Place) -> None:
    assert place.load(dsn="sqlite:///my jobs/jobq.db").dsn == "sqlite:///my jobs/jobq.db"


def test_an_empty_allow_list_allows_no_installed_plugin(place: Place) -> None:
    assert place.load(plugins={"allow": []}).plugins.allow == ()
    assert place.load().plugins.allow is None


def test_two_secrets_may_hold_while_one_replaces_the_other(place: Place) -> None:
    place.write('[http]\nsecret = ["new one", "old one"]\n')

    assert place.load().http.secret == ("new one", "old one")
    assert place.load(None, {"JOBQ_HTTP_SECRET": "new one\nold one"}).http.secret == ("new one", "old one")


def test_a_blank_in_a_secret_does_not_make_two_weak_ones_of_it(place: Place) -> None:
    assert place.load(None, {"JOBQ_HTTP_SECRET": "correct horse"}).http.secret == ("correct horse",)


def test_the_backoff_is_the_policy_of_its_parts(place: Place) -> None:
    assert place.load().defaults.policy.text == "exponential:1s:60s"

    defaults = place.load(defaults={"backoff": "linear", "base": "5s", "max": "20s", "jitter": False}).defaults

    assert defaults.backoff_text == "linear:5s:20s:nojitter"
    assert [defaults.policy(attempt) for attempt in (1, 2, 9)] == [5.0, 10.0, 20.0]


def test_a_whole_policy_stands_for_its_four_keys(place: Place) -> None:
    place.write('[defaults]\nbase = "2s"\n')

    config = place.load(None, {"JOBQ_DEFAULTS__BACKOFF": "exponential:5s:300s:nojitter"})

    assert config.defaults == Defaults(backoff="exponential", base=5.0, max=300.0, jitter=False)
    assert config.origins["defaults.base"] == "JOBQ_DEFAULTS__BACKOFF"


def test_the_default_number_of_processes_is_that_of_the_processors_and_at_most_four() -> None:
    assert Worker().processes == min(4, len(os.sched_getaffinity(0)))


# Mistakes


MISTAKES = {
    "[worker]\nconcurency = 3\n": "2: unknown key worker.concurency (did you mean worker.concurrency?)",
    "[worker]\nmax_attempts = 3\n": "2: unknown key worker.max_attempts (did you mean defaults.max_attempts?)",
    "[wroker]\nconcurrency = 3\n": "1: unknown key wroker (did you mean worker?)",
    "workers = 3\n": "1: unknown key workers (did you mean worker?)",
    "worker = 3\n": "1: worker is a table, not a value (write [worker] above its keys)",
    "[redact]\nxyz = 3\n": "2: unknown key redact.xyz (known there are keys)",
    "\n[worker]\n\nconcurrency = 0\n": "4: worker.concurrency: 0 is not a whole number from 1 to 10000",
    "[worker]\nconcurrency = true\n": "2: worker.concurrency: True is not a whole number from 1 to 10000",
    "[worker]\nconcurrency = {}\n": "2: worker.concurrency: a value of type dict is not a whole number from 1 to 10000",
    "enabled = 1\n": "1: enabled: 1 is neither true nor false",
    "[defaults]\nmax_attempts = 1001\n": "2: defaults.max_attempts: 1001 is not a whole number from 1 to 1000",
    "[defaults]\ntimeout = 0\n": "2: defaults.timeout: it must be more than 0 seconds",
    '[log]\nlevel = "warn"\n': (
        "2: log.level: 'warn' is not one of debug, info, warning, error, critical (did you mean warning?)"
    ),
    "[plugins]\nmodules = 3\n": ('2: plugins.modules: 3 is not a list (write ["a", "b"], in the environment a,b)'),
    "a = \n": "1:5: not TOML: Invalid value (text values need quotes)",
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.items())
def test_a_mistake_in_the_file_names_line_key_problem_and_remedy(place: Place, text: str, message: str) -> None:
    place.write(text)

    assert place.refusal() == f"jobq.toml:{message}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            '[defaults]\ntimeout = "5 parsecs"\n',
            ("jobq.toml:2: defaults.timeout: ", "'5 parsecs'", "write it like 30s"),
        ),
        ('[defaults]\nqueue = "a b"\n', ("jobq.toml:2: defaults.queue: ", "'a b'", "like emails")),
        ('[defaults]\nbackoff = "expo:5s"\n', ("jobq.toml:2: defaults.backoff: 'expo:5s' is not one of fixed, ",)),
        ('[defaults]\nbase = "2m"\n', ("jobq.toml:2: defaults: ", "max (60s) is below base (120s)")),
        ('[worker]\nmax_memory_per_child = "lots"\n', ("jobq.toml:2: worker.max_memory_per_child: ", "512M")),
        ('[sqs.queues]\n"a b" = "https://x"\n', ("sqs.queues: ", "'a b'")),
    ],
)
def test_a_parser_s_own_explanation_is_passed_on(place: Place, text: str, parts: tuple[str, ...]) -> None:
    place.write(text)

    refusal = place.refusal()

    assert all(part in refusal for part in parts)


def test_every_mistake_is_named_at_once(place: Place) -> None:
    place.write("[worker]\nconcurency = 3\nprocesses = -1\n")

    lines = place.refusal({"JOBQ_LOG__LEVEL": "loud"}).splitlines()

    assert [line.partition(": ")[0] for line in lines] == ["jobq.toml:2", "jobq.toml:3", "JOBQ_LOG__LEVEL"]


def test_an_unknown_variable_is_a_mistake_too(place: Place) -> None:
    refusal = place.refusal({"JOBQ_WORKER__CONCURENCY": "3"})

    assert refusal == "JOBQ_WORKER__CONCURENCY: unknown key worker.concurency (did you mean worker.concurrency?)"


def test_a_variable_of_a_mistyped_table_finds_the_right_one(place: Place) -> None:
    assert "did you mean worker.concurrency?" in place.refusal({"JOBQ_WROKER__CONCURRENCY": "3"})


def test_an_unknown_argument_is_a_mistake_too(place: Place) -> None:
    assert place.refusal(dns="memory://").startswith("argument: unknown key dns (did you mean dsn")


@pytest.mark.parametrize(
    "environ",
    [
        {"JOBQ_DSN": "memory://", "JOBQ_DSN_FILE": "x"},
        {"JOBQ_HTTP_SECRET": "a", "JOBQ_HTTP__SECRET": "b"},
        {"JOBQ_CONFIG": "a", "JOBQ_CONFIG_FILE": "b"},
    ],
)
def test_saying_the_same_thing_twice_in_the_environment_is_refused(place: Place, environ: dict[str, str]) -> None:
    refusal = place.refusal(environ)

    assert all(name in refusal for name in environ)


@pytest.mark.parametrize("name", ["JOBQ_DSN", "JOBQ_CONFIG", "JOBQ_HTTP_SECRET", "JOBQ_DEFAULTS__QUEUE"])
def test_an_empty_variable_is_refused_because_a_lost_dsn_must_not_fall_back_to_sqlite(place: Place, name: str) -> None:
    assert name in place.refusal({name: ""})


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"JOBQ_CONFIG": "gone.toml"}, "gone.toml' does not exist"),
        ({"JOBQ_CONFIG": "."}, "is a folder"),
        ({"JOBQ_DSN_FILE": "gone"}, "cannot be read: No such file or directory"),
    ],
)
def test_a_named_file_that_cannot_be_read_is_a_mistake(place: Place, environ: dict[str, str], message: str) -> None:
    assert message in place.refusal(environ)


def test_a_file_that_is_not_utf8_is_named_with_the_byte(place: Place) -> None:
    (place.cwd / "jobq.toml").write_bytes(b"# caf\xe9\n")

    assert place.refusal().startswith("jobq.toml: not UTF-8 at byte 5")


def test_an_endless_file_is_refused_without_being_read(place: Place) -> None:
    assert "larger than 1 MiB" in place.refusal({"JOBQ_DSN_FILE": "/dev/zero"})


@pytest.mark.parametrize("text", [f"a = {'1' * 5000}\n", f"a = {'[' * 5000}\n"])
def test_an_endless_value_is_a_mistake_in_the_file(place: Place, text: str) -> None:
    place.write(text)

    assert place.refusal().startswith("jobq.toml")


def test_an_endless_number_is_refused_without_being_written_out(place: Place) -> None:
    assert "a value of type int is not" in place.refusal(worker={"concurrency": 10**5000})


# Secrets


@pytest.mark.parametrize(
    "dsn", [f"host=db password={SECRET}", f"postgresql:/u:{SECRET}@db", f"postgresql://u:{SECRET} x@db"]
)
def test_a_dsn_that_cannot_be_read_is_not_repeated(place: Place, dsn: str) -> None:
    refusal = place.refusal({"JOBQ_DSN": dsn})

    assert SECRET not in refusal
    assert "JOBQ_DSN: dsn: it is not a DSN" in refusal


def test_secrets_and_passwords_are_masked_when_the_configuration_is_shown(place: Place) -> None:
    config = place.load(
        dsn=f"postgresql://u:{SECRET}@db/jobs",
        http={"secret": [SECRET, f"{SECRET}2"]},
        sqs={"store": f"postgresql://u:{SECRET}@db/x", "endpoint_url": f"http://u:{SECRET}@x"},
    )

    shown = f"{config!r} {config.http!r} {config.sqs} {config}"

    assert SECRET not in shown
    assert "postgresql://u:***@db/jobs" in shown
    assert "secret=('***', '***')" in shown


def test_a_bad_secret_is_not_repeated(place: Place) -> None:
    assert SECRET not in place.refusal(http={"secret": [SECRET] * 3})
    assert SECRET not in place.refusal(http={"secret": {SECRET: 1}})


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), min_size=1).filter(str.strip))
def test_no_secret_text_shows_in_a_repr(text: str) -> None:
    secret = f"<{text}>"

    assert secret not in repr(Http(secret=(secret,)))


# The example


def test_the_example_file_is_what_the_tables_say() -> None:
    assert (ROOT / "config.example.toml").read_text() == example()


def test_the_example_as_it_is_changes_nothing(place: Place) -> None:
    path = place.write(example(), "example.toml")

    assert place.load(path) == place.load()


def test_the_example_names_every_key_with_its_default(place: Place) -> None:
    taken = re.sub(r"(?m)^# ([a-z_]+ = )", r"\1", example())
    data = tomllib.loads(taken)
    named = {f"{name}.{key}" for name in TABLES for key in data[name]} | (data.keys() - TABLES.keys())
    plain, full = place.load(), place.load(place.write(taken, "full.toml"))

    assert named == set(KEYS)
    for key, declared in KEYS.items():
        if declared.example is None:
            assert _value(full, key) == _value(plain, key), key


def test_every_key_has_one_line_about_it() -> None:
    assert all(re.fullmatch(r"\S[^\n]+[.]", declared.about) for declared in KEYS.values())


def _value(config: Config, key: str) -> object:
    table, _, name = key.rpartition(".")
    return getattr(getattr(config, table) if table else config, name)


# Any text at all


@given(
    st.sampled_from(sorted(KEYS)),
    st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.booleans(), st.lists(st.text(max_size=5))),
)
def test_whatever_a_value_is_it_is_taken_or_refused_in_words(key: str, value: object) -> None:
    overrides: Any = {key: value}

    try:
        answer = load_config(environ={"HOME": "/nowhere"}, cwd=Path("/nowhere"), **overrides).origins[key]
    except ConfigError as error:
        answer = error.message

    assert answer == "argument" or answer.startswith((f"argument: {key}: ", "argument: defaults: backoff"))


@given(st.text(max_size=200))
def test_whatever_a_file_holds_it_is_taken_or_refused_in_words(text: str) -> None:
    from jobq.config.sources import _lines_of

    assert all(1 <= line <= text.count("\n") + 1 for line in _lines_of(text).values())
