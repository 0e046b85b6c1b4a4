"""Plugins: found, imported, asked for what they bring, and named when they are broken.

A plugin is an installed package with an entry point in the group `jobq`, a module of `[plugins] modules`, or a
`.py` file in a folder. Loading one is all or nothing: its handlers, middleware and drivers count only when
everything about it went well, so `skip_broken` never leaves half a plugin behind.

Decision: a worker with a broken plugin does not start. Its jobs would wait unnoticed; an error that names plugin,
file, line and cause is noticed at once. Entry points are imported by this module and not by pluggy's own loader,
which stops at the first failure and cannot say whose it was. The files of a folder become the modules of one
made-up package, so that they may import each other (`from .shared import x`) and never clash with a module of
the same name elsewhere. Cost: their modules have odd names.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import inspect
import sys
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pluggy
from msgspec import Struct

from jobq import hookspecs
from jobq.config import Config
from jobq.errors import InvalidValue, JobqError, PluginError
from jobq.handlers import Middleware, Registry, declared_in, declared_on
from jobq.hookspecs import PREFIX, PROJECT, OpenDriver
from jobq.names import near

T = TypeVar("T")

GROUP = "jobq"
_PACKAGE = "jobq_plugin_dir"
_HINT = "-v shows the traceback; --skip-broken-plugins goes on without it"
_IMPORTLIB = str(Path(importlib.__file__).parent)


class Loaded(Struct, frozen=True, kw_only=True):
    """A plugin that works: its name, its version if it has one, where it came from, and its handlers' names."""

    name: str
    version: str | None
    source: str
    handlers: tuple[str, ...]


@dataclass(frozen=True)
class Broken:
    """A plugin that was skipped, and why."""

    name: str
    error: PluginError

    def __str__(self) -> str:
        return self.error.message


class HookFailure(Struct, frozen=True):
    """A plugin's hook that raised: what is to be logged about it."""

    plugin: str
    error: Exception


@dataclass(frozen=True, kw_only=True)
class Plugins:
    """Everything that plugins bring to this process.

    `middleware` wraps every job, the outermost first; `drivers` are by DSN scheme.
    """

    manager: pluggy.PluginManager
    registry: Registry
    loaded: tuple[Loaded, ...] = ()
    broken: tuple[Broken, ...] = ()
    middleware: tuple[Middleware, ...] = ()
    drivers: Mapping[str, OpenDriver] = field(default_factory=dict)

    def notify(self, hook: str, facts: Mapping[str, object]) -> list[HookFailure]:
        """Call an observing hook of every plugin with the facts it asks for; what raised is returned, to be logged."""
        failures = []
        for implementation in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            try:
                implementation.function(*(facts[name] for name in implementation.argnames))
            except Exception as error:  # noqa: BLE001 (a plugin that watches must not stop what it watches)
                failures.append(HookFailure(implementation.plugin_name, error))
        return failures


def load_plugins(
    config: Config, *, plugin_dirs: Iterable[Path] = (), cwd: Path | None = None, skip_broken: bool = False
) -> Plugins:
    """Load every plugin that the configuration and `plugin_dirs` name, and every installed one that is allowed.

    `cwd` is made importable; None leaves `sys.path` alone. Raises `PluginError` for the first plugin that cannot
    be loaded, or claims a name that is taken; with `skip_broken` such plugins are left out and listed instead.
    """
    if cwd is not None and str(cwd) not in sys.path:
        sys.path.insert(0, str(cwd))
    importlib.invalidate_caches()  # a file may have been written a moment ago
    loader = _Loader(config)
    for source in _sources(config, [(cwd or Path.cwd()) / folder for folder in plugin_dirs]):
        try:
            loader.load(source)
        except PluginError as error:
            if not skip_broken:
                raise
            loader.broken.append(Broken(source.name, error))
    return loader.plugins()


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A plugin that is to be loaded. `home` is the file or folder that its own code is in, if that is known."""

    name: str
    source: str
    load: Callable[[], object]
    version: str | None = None
    home: Path | None = None


class _Manager(pluggy.PluginManager):
    """Takes every function whose name begins with `jobq_` for a hook, marked or not."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        marked = super().parse_hookimpl_opts(plugin, name)
        value = getattr(plugin, name, None)
        if marked is not None or not name.startswith(PREFIX) or not inspect.isroutine(value) or declared_on(value):
            return marked
        return pluggy.HookimplOpts(
            wrapper=False, hookwrapper=False, optionalhook=False, tryfirst=False, trylast=False, specname=None
        )


class _Loader:
    """Takes plugins in, one by one, each wholly or not at all."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._manager = _Manager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._registry = Registry()
        self._loaded: list[Loaded] = []
        self._middleware: list[Middleware] = []
        self._drivers: dict[str, OpenDriver] = {}
        self.broken: list[Broken] = []

    def plugins(self) -> Plugins:
        return Plugins(
            manager=self._manager,
            registry=self._registry,
            loaded=tuple(self._loaded),
            broken=tuple(self.broken),
            middleware=tuple(self._middleware),
            drivers=dict(self._drivers),
        )

    def load(self, source: _Source) -> None:
        """Load one plugin, unless the same module is there already under another name; raises `PluginError`."""
        plugin = _guarded(source, source.load)
        if self._manager.is_registered(plugin):
            return
        try:
            _guarded(source, partial(self._manager.register, plugin, name=source.source))
            self._take_in(plugin, source)
        except BaseException:
            if self._manager.is_registered(plugin):  # pluggy notes a plugin before it looks at its hooks
                self._manager.unregister(plugin)
            raise

    def _take_in(self, plugin: object, source: _Source) -> None:
        _check_hooks(self._manager, plugin, source)
        staging = Registry(source.name)
        _collect(plugin, staging, source)
        self._ask(source, plugin, "jobq_register_jobs", registry=staging)
        middleware = self._ask(source, plugin, "jobq_middleware", config=self._config)
        drivers = dict(self._ask(source, plugin, "jobq_drivers"))
        self._check_schemes(drivers, source)
        self._registry.merge(staging)
        self._drivers |= drivers
        self._middleware += middleware
        names = tuple(sorted(staging.names()))
        self._loaded.append(Loaded(name=source.name, version=source.version, source=source.source, handlers=names))

    def _ask(self, source: _Source, plugin: object, hook: str, **facts: object) -> list[Any]:
        """Call one plugin's hook, if it has it, and return what it brings, piece by piece."""
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        mine = [
            partial(one.function, *(facts[name] for name in one.argnames))
            for one in implementations
            if one.plugin is plugin
        ]
        return [piece for call in mine for piece in _guarded(source, partial(_pieces, call))]

    def _check_schemes(self, drivers: Iterable[str], source: _Source) -> None:
        for scheme in drivers:
            if scheme in self._drivers:
                raise PluginError(f"plugin {source.name}: another plugin brings a driver for {scheme}://", hint=_HINT)


def _pieces(call: Callable[[], Any]) -> list[Any]:
    answer = call()
    return list(answer.items() if isinstance(answer, Mapping) else () if answer is None else answer)


def _guarded(source: _Source, step: Callable[[], T]) -> T:
    """Do what runs the plugin's code; whatever it raises is the plugin's error, `sys.exit` too."""
    try:
        return step()
    except PluginError:
        raise
    except (Exception, SystemExit) as error:
        raise _broken(source, error) from error


def _check_hooks(manager: pluggy.PluginManager, plugin: object, source: _Source) -> None:
    """Refuse hooks that would never be called, and wrappers, for which jobq has no use."""
    known = [name for name in vars(hookspecs) if name.startswith(PREFIX)]
    for caller in manager.get_hookcallers(plugin) or ():
        if not caller.has_spec():
            meant = near(caller.name, known, most=1)
            hint = f"did you mean {meant[0]}?" if meant else f"names that begin with {PREFIX} are hooks: rename it"
            raise PluginError(f"plugin {source.name}: there is no hook {caller.name}", hint=hint)
        if any(one.plugin is plugin and (one.wrapper or one.hookwrapper) for one in caller.get_hookimpls()):
            raise PluginError(f"plugin {source.name}: {caller.name} is a wrapper", hint="leave out wrapper=True")


def _collect(plugin: object, staging: Registry, source: _Source) -> None:
    """Take the `@job` functions of a module, or the one function that an entry point names."""
    for handler in declared_on(plugin) or declared_in(getattr(plugin, "__dict__", {})):
        try:
            staging.include(handler)
        except InvalidValue as error:
            raise PluginError(
                f"plugin {source.name} cannot be loaded: {handler.location}: {error.message}", hint=error.hint
            ) from error


def _sources(config: Config, plugin_dirs: Iterable[Path]) -> Iterator[_Source]:
    yield from _installed(config)
    origin = config.origins.get("plugins.modules", "argument")
    yield from (_module(name, origin) for name in config.plugins.modules)
    for folder in dict.fromkeys(path.resolve() for path in (*config.plugins.dirs, *plugin_dirs)):
        yield from _files(folder)


def _installed(config: Config) -> Iterator[_Source]:
    """The entry points that may load, by name; an allowed one that is not there is a mistake."""
    from importlib.metadata import entry_points

    allow = config.plugins.allow
    found = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))
    names = {entry.name for entry in found} | {entry.dist.name for entry in found if entry.dist is not None}
    for missing in sorted(set(allow or ()) - names):
        meant = near(missing, names, most=1)
        hint = f"did you mean {meant[0]}?" if meant else "install it, or take it out of [plugins] allow"
        yield _refused(missing, f"plugin {missing} is allowed, but not installed", hint)
    for entry in found:
        dist = entry.dist.name if entry.dist is not None else ""
        if allow is None or entry.name in allow or dist in allow:
            version = entry.dist.version if entry.dist is not None else None
            source = f"entry point {entry.name} = {entry.value}" + (f" of {dist}" if dist else "")
            yield _Source(
                name=entry.name,
                version=version,
                source=source,
                load=entry.load,
                home=_home(entry.value.partition(":")[0]),
            )


def _module(name: str, origin: str) -> _Source:
    def load() -> object:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise  # the module is there, and what it imports is not
            raise PluginError(
                f"plugin {name}: there is no module {error.name} ({origin}: plugins.modules)",
                hint="install it, start in its folder, or correct the name",
            ) from error

    return _Source(name=name, source=f"module {name}", load=load, home=_home(name))


def _files(folder: Path) -> Iterator[_Source]:
    """The `.py` files of a folder; those that begin with `_` are for the others to import."""
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        yield _refused(str(folder), f"plugin folder {folder} {problem}", "check --plugin-dir and [plugins] dirs")
        return
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith(("_", ".")) and path.is_file():
            yield _Source(name=path.stem, source=str(path), load=partial(_import_file, path), home=path)


def _refused(name: str, problem: str, hint: str) -> _Source:
    def load() -> object:
        raise PluginError(problem, hint=hint)

    return _Source(name=name, source=name, load=load)


def _import_file(path: Path) -> ModuleType:
    """Import a file as a module of the package that its folder stands for."""
    if "." in path.stem:
        raise PluginError(f"plugin {path}: a module's name has no dots", hint="rename the file")
    return importlib.import_module(f"{_package_of(path.parent)}.{path.stem}")


def _package_of(folder: Path) -> str:
    """Make the package, named after the folder's path, so that it has the same name in every process."""
    name = f"{_PACKAGE}_{zlib.crc32(str(folder).encode('utf-8', 'surrogateescape')):08x}"
    if name not in sys.modules:
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[name] = importlib.util.module_from_spec(spec)
    return name


def _home(module: str) -> Path | None:
    """Where the code of a module's top-level package is, found without importing it."""
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except (ValueError, ImportError):
        return None
    places = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else [])] if spec else []
    return Path(places[0]) if places else None


def _broken(source: _Source, error: BaseException) -> PluginError:
    """One line that names plugin, file, line and cause."""
    reason = error.message if isinstance(error, JobqError) else f"{type(error).__name__}: {error}"
    place = _place_of(error, source.home)
    where = f"{place}: " if place else ""
    hint = (error.hint if isinstance(error, JobqError) else None) or _sibling_hint(error, source) or _HINT
    return PluginError(f"plugin {source.name} cannot be loaded: {where}{' '.join(reason.split())}", hint=hint)


def _place_of(error: BaseException, home: Path | None) -> str | None:
    """`file:line` of the plugin's own last step, or of the last step at all when it never got that far."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{error.filename}:{error.lineno}"
    steps = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    outside = [step for step in steps if not step[0].startswith(("<frozen", _IMPORTLIB, __file__))]
    own = [step for step in outside if home is not None and Path(step[0]).is_relative_to(home)]
    return next((f"{file}:{line}" for file, line in reversed(own or outside)), None)


def _sibling_hint(error: BaseException, source: _Source) -> str | None:
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    if name is None or source.home is None or not (source.home.parent / f"{name}.py").is_file():
        return None
    return f"inside a plugin folder, write `from .{name} import …`"
