"""The first files: a configuration that loads and says what holds, and handlers that work at once."""

from __future__ import annotations

import tomllib

import pytest

from jobq.cli.scaffold import DRIVERS, PROFILES, Profile, StoreKind, configuration, with_values
from jobq.config import example, load_config
from tests.cli.shell import Shell


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_written_loads_and_names_every_setting(shell: Shell, profile: Profile, driver: StoreKind) -> None:
    text = configuration(profile, driver)
    path = shell.write("jobq.toml", text)

    config = load_config(path, environ={"HOME": str(shell.folder)})

    assert config.dsn.startswith({"sqlite": "sqlite://", "postgres": "postgresql://", "sqs": "sqs://"}[driver])
    assert config.plugins.dirs == (shell.folder / "handlers",)
    assert len(text.splitlines()) == len(example().splitlines())
    set_keys = {
        f"{table}.{key}" for table, value in tomllib.loads(text).items() if isinstance(value, dict) for key in value
    }
    assert {"plugins.dirs", "log.format"} <= set_keys


def test_a_key_is_set_in_its_own_table_only() -> None:
    text = "# a\n# name = 1\n\n[one]\n# name = 2\n\n[two]\n# name = 3\n"

    assert with_values(text, {"two.name": "x"}) == text.replace("# name = 3", 'name = "x"')


def test_the_first_handlers_work_at_once(shell: Shell) -> None:
    (shell.folder / "plugins" / "hello.py").unlink()

    done = shell("init")
    check = shell("handlers", "check", "--strict")
    first, second = (
        shell("enqueue", name, "-q", *words) for name, *words in (["hello:greet", "-a", "name=Ada"], ["hello:stumble"])
    )
    drained = shell.spawn("worker", "--drain", "--json", "--processes", "1")

    assert done.lines[:2] == ["wrote jobq.toml", "wrote handlers/hello.py"]
    assert (check.code, check.out) == (0, "2 handlers checked: 0 errors, 0 warnings\n")
    assert {**drained.document, "duration": 0} == {
        "processed": 3,
        "completed": 2,
        "failed": 0,
        "retried": 1,
        "duration": 0,
    }
    assert shell("jobs", "show", first.lines[0], "--json").document["result"] == {"greeting": "Hello, Ada!"}
    assert shell("jobs", "show", second.lines[0], "--json").document["result"] == {"attempts": 2}


def test_nothing_is_overwritten_unless_told_to(shell: Shell) -> None:
    shell.write("jobq.toml", "# mine\n")

    refused = shell("init")
    kept = (shell.folder / "jobq.toml").read_text()
    forced = shell("init", "--force", "--profile", "prod")

    assert (refused.code, "jobq.toml would be overwritten" in refused.err) == (4, True)
    assert kept == "# mine\n"
    assert not (shell.folder / "handlers").is_dir() or forced.code == 0
    assert 'dsn = "postgresql:///jobs"' in (shell.folder / "jobq.toml").read_text()


def test_a_folder_that_takes_no_files_is_said(shell: Shell) -> None:
    shell.write("handlers", "a file in the way")

    done = shell("init")

    assert (done.code, "handlers/hello.py cannot be written" in done.err) == (77, True)
