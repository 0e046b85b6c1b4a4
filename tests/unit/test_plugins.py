from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType, SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from jobq import hookspecs
from jobq.config import load_config
from jobq.errors import PluginError
from jobq.hookspecs import hookimpl
from jobq.plugins import Loaded, Plugins, load_plugins

HANDLER = """
    from jobq.handlers import job

    @job("{name}")
    def handler(payload, ctx):
        return "{name}"
"""


class Site:
    """A folder on `sys.path` where packages can be installed, and a folder for plugin files."""

    def __init__(self, root: Path) -> None:
        self.path = root / "site"
        self.dir = root / "handlers"
        self.path.mkdir()
        self.dir.mkdir()
        self.unique = f"m{uuid4().hex}"

    def module(self, text: str, name: str = "") -> str:
        """Write a module whose name no other test has, and return its name."""
        full = f"{self.unique}{name}"
        (self.path / f"{full}.py").write_text(dedent(text))
        return full

    def install(self, entry: str, target: str, dist: str = "a-dist", version: str = "1.2") -> None:
        info = self.path / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[jobq]\n{entry} = {target}\n")

    def file(self, name: str, text: str) -> Path:
        path = self.dir / name
        path.write_text(dedent(text))
        return path

    def load(self, *, modules: tuple[str, ...] = (), allow: tuple[str, ...] = (), **options: Any) -> Plugins:
        config = load_config(environ={}, cwd=self.path, plugins={"modules": modules, "allow": allow})
        return load_plugins(config, plugin_dirs=[self.dir], **options)

    def refusal(self, **options: Any) -> PluginError:
        with pytest.raises(PluginError) as caught:
            self.load(**options)
        assert "\n" not in caught.value.message
        return caught.value


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    sys.path.insert(0, str(site.path))
    yield site
    sys.path[:] = [entry for entry in sys.path if not entry.startswith(str(tmp_path))]
    for name in [name for name in sys.modules if name.startswith((site.unique, "jobq_plugin_dir_"))]:
        del sys.modules[name]


# Where plugins come from


def test_an_installed_plugin_is_found_by_its_entry_point(site: Site) -> None:
    module = site.module(HANDLER.format(name="a:b"))
    site.install("letters", module)

    plugins = site.load(allow=("letters",))

    assert plugins.loaded == (
        Loaded(name="letters", version="1.2", source=f"entry point letters = {module} of a-dist", handlers=("a:b",)),
    )
    assert plugins.registry.get("a:b").function(None, None) == "a:b"
    assert plugins.registry.get("a:b").plugin == "letters"


def test_the_allow_list_knows_plugins_and_distributions_and_imports_nothing_else(site: Site) -> None:
    good, bad = site.module(HANDLER.format(name="a:b"), "good"), site.module("raise SystemExit", "bad")
    site.install("good", good, dist="good-dist")
    site.install("bad", bad, dist="bad-dist")

    assert site.load(allow=("good-dist",)).registry.names() == {"a:b"}
    assert site.load(allow=()).loaded == ()
    assert bad not in sys.modules


def test_an_allowed_plugin_that_is_not_installed_is_a_mistake(site: Site) -> None:
    site.install("email", site.module(""))

    error = site.refusal(allow=("emial",))

    assert str(error) == "plugin emial is allowed, but not installed (did you mean email?)"


def test_an_entry_point_may_name_an_object_with_hooks_or_one_function(site: Site) -> None:
    target = site.module(
        """
        from jobq.handlers import job

        @job("one:function")
        def one(payload): ...

        @job("not:this")
        def two(payload): ...

        class Hooks:
            def jobq_register_jobs(self, registry):
                registry.add("from:object", lambda payload: 7, timeout="5s")

        hooks = Hooks()
        """
    )
    site.install("object", f"{target}:hooks", dist="d1")
    site.install("function", f"{target}:one", dist="d2")

    registry = site.load(allow=("object", "function")).registry

    assert registry.names() == {"from:object", "one:function"}
    assert registry.get("from:object").timeout == 5.0
    assert registry.get("from:object").plugin == "object"


def test_modules_of_the_configuration_are_loaded(site: Site) -> None:
    module = site.module(HANDLER.format(name="a:b"))

    assert site.load(modules=(module,)).loaded == (
        Loaded(name=module, version=None, source=f"module {module}", handlers=("a:b",)),
    )


def test_every_file_of_a_folder_is_a_plugin_but_for_the_underscored(site: Site) -> None:
    site.file("b.py", HANDLER.format(name="b:b"))
    site.file("a-dashed.py", HANDLER.format(name="a:a"))
    site.file("_shared.py", "raise AssertionError")
    site.file("notes.txt", "")
    (site.dir / "folder.py").mkdir()

    assert [loaded.name for loaded in site.load().loaded] == ["a-dashed", "b"]


def test_the_files_of_a_folder_may_import_each_other(site: Site) -> None:
    site.file(
        "a.py", HANDLER.format(name="a:a") + "\n    from .b import handler as other\n    from ._shared import WORD\n"
    )
    site.file("b.py", HANDLER.format(name="b:b"))
    site.file("_shared.py", "WORD = 'x'")

    plugins = site.load()

    assert plugins.registry.names() == {"a:a", "b:b"}


def test_files_of_the_same_name_in_two_folders_do_not_clash(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "json.py").write_text(dedent(HANDLER.format(name="b:b")))
    site.file("json.py", HANDLER.format(name="a:a"))
    config = load_config(environ={}, plugins={"dirs": [other], "allow": []})

    assert load_plugins(config, plugin_dirs=[site.dir, site.dir]).registry.names() == {"a:a", "b:b"}


def test_the_working_directory_becomes_importable_only_when_it_is_given(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{site.unique}.py").write_text(dedent(HANDLER.format(name="a:b")))

    assert f"there is no module {site.unique}" in site.refusal(modules=(site.unique,)).message
    assert site.load(modules=(site.unique,), cwd=tmp_path).registry.names() == {"a:b"}
    assert sys.path.count(str(tmp_path)) == 1


def test_loading_is_repeatable(site: Site) -> None:
    site.file("a.py", HANDLER.format(name="a:a"))
    first, second = site.load(), site.load()

    assert first.loaded == second.loaded
    assert first.registry is not second.registry


def test_one_module_named_twice_is_loaded_once(site: Site) -> None:
    module = site.module(HANDLER.format(name="a:b"))
    site.install("letters", module)

    plugins = site.load(modules=(module, module), allow=("letters",))

    assert [loaded.name for loaded in plugins.loaded] == ["letters"]


def test_a_handler_that_another_plugin_imports_stays_one_handler(site: Site) -> None:
    first = site.module(HANDLER.format(name="a:b"), "1")
    second = site.module(f"from {first} import handler\n", "2")

    assert site.load(modules=(first, second)).registry.get("a:b").plugin == first


# Broken plugins


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        (
            "import os\n\nimport nothing_of_this_name\n",
            3,
            "ModuleNotFoundError: No module named 'nothing_of_this_name'",
        ),
        ("x = 1\ndef f(:\n", 2, "SyntaxError: invalid syntax"),
        ("def f():\n    raise RuntimeError('two\\nlines')\nf()\n", 2, "RuntimeError: two lines"),
        ("import json\njson.loads('{')\n", 2, "JSONDecodeError: Expecting property name"),
        ("import sys\nsys.exit('bye')\n", 2, "SystemExit: bye"),
        ("from jobq.handlers import job\n@job('a b')\ndef f(payload): ...\n", 2, "name 'a b' is not of the form"),
    ],
)
def test_a_plugin_that_fails_to_import_is_named_with_file_line_and_cause(
    site: Site, text: str, line: int, cause: str
) -> None:
    path = site.file("broken.py", text)

    error = site.refusal()

    assert error.message.startswith(f"plugin broken cannot be loaded: {path}:{line}: {cause}")
    assert error.exit_code == 78
    assert error.__cause__ is not None
    assert error.hint


def test_a_package_is_blamed_at_its_own_line_and_not_at_the_library_s(site: Site) -> None:
    library = site.module("def fail():\n    raise ValueError('deep')\n", "lib")
    package = site.path / f"{site.unique}pkg"
    package.mkdir()
    (package / "__init__.py").write_text("from . import inner\n")
    (package / "inner.py").write_text(f"import {library}\n\n{library}.fail()\n")

    error = site.refusal(modules=(package.name,))

    assert f"{package / 'inner.py'}:3: ValueError: deep" in error.message


def test_a_module_that_does_not_exist_is_named_with_the_place_that_asks_for_it(site: Site) -> None:
    error = site.refusal(modules=(f"{site.unique}.tasks",))

    assert error.message == f"plugin {site.unique}.tasks: there is no module {site.unique} (argument: plugins.modules)"


def test_a_missing_sibling_import_is_answered_with_the_form_that_works(site: Site) -> None:
    site.file("a.py", "import shared_thing\n")
    site.file("shared_thing.py", "")

    assert site.refusal().hint == "inside a plugin folder, write `from .shared_thing import …`"


def test_a_payload_type_that_cannot_be_read_is_the_plugin_s_fault(site: Site) -> None:
    path = site.file(
        "a.py",
        """
        from jobq.handlers import job

        @job("a:b")
        def handler(payload: "Missing"): ...
        """,
    )

    assert site.refusal().message.startswith(
        f"plugin a cannot be loaded: {path}:4: handler a:b: the payload's annotation"
    )


@pytest.mark.parametrize("name", ["gone", "file"])
def test_a_plugin_folder_that_is_none_is_a_mistake(site: Site, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    config = load_config(environ={}, plugins={"allow": []})

    with pytest.raises(PluginError, match=f"plugin folder {tmp_path / name} "):
        load_plugins(config, plugin_dirs=[Path(name)], cwd=tmp_path)


def test_two_plugins_that_claim_one_name_are_both_named(site: Site) -> None:
    first, second = site.file("a.py", HANDLER.format(name="x:y")), site.file("b.py", HANDLER.format(name="x:y"))

    assert site.refusal().message == f"two handlers claim the name x:y: a ({first}:4) and b ({second}:4)"


def test_broken_plugins_can_be_skipped_and_leave_nothing_behind(site: Site) -> None:
    site.file("a.py", HANDLER.format(name="x:y"))
    site.file("b.py", HANDLER.format(name="x:y") + "\n    def jobq_worker_started(worker): ...\n")
    site.file("c.py", HANDLER.format(name="c:c") + "\n    raise OSError('no')\n")
    site.file("d.py", HANDLER.format(name="d:d"))

    plugins = site.load(skip_broken=True)

    assert plugins.registry.names() == {"x:y", "d:d"}
    assert [loaded.name for loaded in plugins.loaded] == ["a", "d"]
    assert [broken.name for broken in plugins.broken] == ["b", "c"]
    assert str(plugins.broken[1]).endswith("OSError: no")
    assert plugins.notify("jobq_worker_started", {"worker": None}) == []
    assert len(plugins.manager.hook.jobq_worker_started.get_hookimpls()) == 0


def test_a_plugin_with_a_bad_hook_is_skipped_wholly(site: Site) -> None:
    site.file("a.py", "def jobq_job_started(job): ...\ndef jobq_worker_started(wroker): ...\n")

    plugins = site.load(skip_broken=True)

    assert [broken.name for broken in plugins.broken] == ["a"]
    assert plugins.manager.list_name_plugin() == []
    assert plugins.manager.hook.jobq_job_started.get_hookimpls() == []


# Hooks


def test_hooks_bring_handlers_middleware_and_drivers(site: Site) -> None:
    site.file(
        "a.py",
        """
        def jobq_register_jobs(registry):
            registry.add("from:hook", lambda payload: 7)

        def around(ctx, call_next):
            return call_next()

        def jobq_middleware(config):
            return [around] if config.worker.concurrency else []

        def jobq_drivers():
            return {"redis": lambda dsn, config: dsn}
        """,
    )

    plugins = site.load()

    assert plugins.registry.names() == {"from:hook"}
    assert [layer.__name__ for layer in cast(Any, plugins.middleware)] == ["around"]
    assert plugins.drivers["redis"]("redis://x", cast(Any, None)) == "redis://x"


def test_two_drivers_for_one_scheme_are_refused(site: Site) -> None:
    for name in "ab":
        site.file(f"{name}.py", "def jobq_drivers():\n    return {'redis': print}\n")

    assert site.refusal().message == "plugin b: another plugin brings a driver for redis://"


def test_a_hook_that_does_not_exist_is_a_mistake(site: Site) -> None:
    site.file("a.py", "def jobq_worker_startd(worker): ...\n")

    assert str(site.refusal()) == "plugin a: there is no hook jobq_worker_startd (did you mean jobq_worker_started?)"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("def jobq_worker_started(wroker): ...\n", "wroker"),
        ("def jobq_register_jobs(registry):\n    registry.add('a b', print)\n", ":2: name 'a b'"),
        ("def jobq_middleware(config):\n    return 7\n", "TypeError"),
        (
            "from jobq.hookspecs import hookimpl\n@hookimpl(wrapper=True)\ndef jobq_drivers():\n    return (yield)\n",
            "wrapper",
        ),
    ],
)
def test_a_hook_that_cannot_work_makes_its_plugin_broken(site: Site, text: str, part: str) -> None:
    site.file("a.py", text)

    message = site.refusal().message

    assert message.startswith("plugin a")
    assert part in message


def test_observers_get_the_facts_they_ask_for_in_the_order_they_ask_for(site: Site) -> None:
    seen: list[tuple[str, object]] = []
    plugin: Any = ModuleType(f"{site.unique}observer")
    plugin.jobq_job_completed = lambda outcome: seen.append(("middle", outcome))
    first: Any = SimpleNamespace(
        jobq_job_completed=hookimpl(tryfirst=True)(lambda job, outcome: seen.append(("first", job)))
    )
    plugins = site.load()
    plugins.manager.register(first)
    plugins.manager.register(plugin)

    failures = plugins.notify("jobq_job_completed", {"job": "j", "outcome": "o"})

    assert failures == []
    assert seen == [("first", "j"), ("middle", "o")]


def test_an_observer_that_raises_stops_nobody_and_is_reported(site: Site) -> None:
    site.file("a.py", "def jobq_worker_started(worker):\n    worker.append('a')\n")
    site.file("b.py", "def jobq_worker_started(worker):\n    raise ValueError('b')\n")
    site.file("c.py", "def jobq_worker_started(worker):\n    worker.append('c')\n")
    seen: list[str] = []

    (failure,) = site.load().notify("jobq_worker_started", {"worker": seen})

    assert sorted(seen) == ["a", "c"]
    assert failure.plugin.endswith("b.py")
    assert str(failure.error) == "b"


def test_the_contract_s_hooks_are_all_there_and_say_what_they_are() -> None:
    events = ["enqueued", "started", "completed", "retrying", "failed", "cancelled"]
    names = ["register_jobs", "middleware", "drivers", "schedules", "cli", "worker_started", "worker_stopping"]
    names += [*(f"job_{event}" for event in events), "before_job", "after_job"]
    hooks = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("jobq_")}

    assert hooks.keys() == {f"jobq_{name}" for name in names}
    assert all(inspect.getdoc(hook) for hook in hooks.values())
