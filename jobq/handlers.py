"""Handlers: the functions that plugins bring, and under which names and options.

Decision: `@job` changes nothing about a function and registers nothing; it leaves a frozen `Handler` on it, and
whoever loads a plugin collects what it finds there. So importing a module has no side effects, a handler is
tested by calling it, and two sets of handlers can live in one process. Cost: a function that is made inside
another function is not found; a plugin adds such ones in `jobq_register_jobs`.

Options that nobody gave stay None, so that configuration and enqueue can still speak.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from inspect import Parameter
from typing import Any, TypedDict, TypeVar, Unpack, get_type_hints

import msgspec

from jobq.backoff import Backoff, parse_backoff
from jobq.durations import parse_duration
from jobq.errors import InvalidValue, PluginError, UnknownHandler
from jobq.jobs import MOST_ATTEMPTS, HandlerInfo
from jobq.names import check_name, check_queue, near, parse_priority
from jobq.policy import CUSTOM_BACKOFF
from jobq.schema import payload_type, written_function

HandlerFunction = Callable[[Any], Any] | Callable[[Any, Any], Any]
BackoffFunction = Callable[..., float | timedelta]
Middleware = Callable[[Any, Callable[[], Any]], Any]
OnFailed = Callable[[Any, Any, Any], Any]
F = TypeVar("F", bound=HandlerFunction)

MOST_KEPT = 1_000_000_000
_BOTH = 2  # payload and ctx
_DECLARED = "__jobq_handlers__"


class HandlerOptions(TypedDict, total=False):
    """What a handler may declare; everything is optional and None means unset.

    Durations are seconds, `timedelta` or text such as `"5m"`. `queue` and `priority` (lower runs first) count at
    enqueue, the rest at each claim. `max_attempts` and `max_crashes` are 1 to 1000. `backoff` is a policy, its
    text, or a function `(attempt, exc=None) -> seconds`. `on_failed(payload, error, ctx)` runs after every entry
    into `failed`, and `failed_queue` also gets a job that describes it. `keep_completed` and `keep_failed` say
    how many finished jobs of this name stay. `description` defaults to the first line of the docstring.
    """

    queue: str | None
    max_attempts: int | None
    max_crashes: int | None
    timeout: float | timedelta | str | None
    priority: int | str | None
    description: str | None
    backoff: Backoff | BackoffFunction | str | None
    middleware: Sequence[Middleware]
    on_failed: OnFailed | None
    failed_queue: str | None
    keep_completed: int | None
    keep_failed: int | None


_OPTIONS = frozenset(get_type_hints(HandlerOptions))


class Handler(msgspec.Struct, frozen=True, kw_only=True):
    """A function, the name of the jobs that it handles, and its options, checked; durations are seconds.

    `schema` is the payload's type, None when any JSON will do; it is known once a registry has taken the handler
    in, because a module may define the type below the function. `plugin` is who brought it.
    """

    name: str
    function: Callable[..., Any]
    takes_ctx: bool
    is_async: bool
    queue: str | None = None
    max_attempts: int | None = None
    max_crashes: int | None = None
    timeout: float | None = None
    priority: int | None = None
    description: str = ""
    backoff: Backoff | BackoffFunction | None = None
    middleware: tuple[Middleware, ...] = ()
    on_failed: OnFailed | None = None
    failed_queue: str | None = None
    keep_completed: int | None = None
    keep_failed: int | None = None
    schema: Any = None
    plugin: str = ""

    @property
    def location(self) -> str:
        """Where the function is written: `file:line`."""
        code = getattr(written_function(self.function), "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(self.function)

    def info(self) -> HandlerInfo:
        """What a worker registers in the store about this handler."""
        return HandlerInfo(
            name=self.name,
            queue=self.queue,
            priority=self.priority,
            max_attempts=self.max_attempts,
            max_crashes=self.max_crashes,
            timeout=self.timeout,
            backoff=_backoff_text(self.backoff),
            keep_completed=self.keep_completed,
            keep_failed=self.keep_failed,
            failed_queue=self.failed_queue,
            description=self.description,
            plugin=self.plugin,
            is_async=self.is_async,
            has_schema=self.schema is not None,
            has_on_failed=self.on_failed is not None,
        )


def job(
    name: str,
    *,
    queue: str | None = None,
    max_attempts: int | None = None,
    max_crashes: int | None = None,
    timeout: float | timedelta | str | None = None,
    priority: int | str | None = None,
    description: str | None = None,
    backoff: Backoff | BackoffFunction | str | None = None,
    middleware: Sequence[Middleware] = (),
    on_failed: OnFailed | None = None,
    failed_queue: str | None = None,
    keep_completed: int | None = None,
    keep_failed: int | None = None,
) -> Callable[[F], F]:
    """Declare a function to be the handler of the jobs called `name`.

    The function takes `(payload)` or `(payload, ctx)`, may be async, and is returned as it is: call it directly
    in tests. The annotation of `payload` is its schema. See `HandlerOptions` for the options; what is not given
    is left to the enqueue and to the configuration. Raises `InvalidValue` for a name, option or signature that
    makes no sense.

        @job("email:send", queue="emails", max_attempts=5, timeout="30s")
        def send(payload: Email, ctx: Context) -> dict[str, Any]: ...
    """
    options = HandlerOptions(
        queue=queue,
        max_attempts=max_attempts,
        max_crashes=max_crashes,
        timeout=timeout,
        priority=priority,
        description=description,
        backoff=backoff,
        middleware=middleware,
        on_failed=on_failed,
        failed_queue=failed_queue,
        keep_completed=keep_completed,
        keep_failed=keep_failed,
    )

    def declare_it(function: F) -> F:
        handler = declare(name, function, options)
        if not hasattr(function, "__dict__"):
            raise InvalidValue(f"{function!r} cannot carry @job", hint="use registry.add in jobq_register_jobs")
        function.__dict__[_DECLARED] = (*declared_on(function), handler)
        return function

    return declare_it


def declare(name: str, function: Callable[..., Any], options: HandlerOptions) -> Handler:
    """Check a declaration and return it as a `Handler`; raises `InvalidValue`."""
    check_name(name)
    try:
        return Handler(
            name=name,
            function=function,
            takes_ctx=_takes_ctx(function),
            is_async=_is_async(function),
            queue=_queue(options.get("queue")),
            max_attempts=_count("max_attempts", options.get("max_attempts")),
            max_crashes=_count("max_crashes", options.get("max_crashes")),
            timeout=_timeout(options.get("timeout")),
            priority=_priority(options.get("priority")),
            description=_description(options.get("description"), function),
            backoff=_backoff(options.get("backoff")),
            middleware=tuple(_callable("middleware", layer, 2) for layer in options.get("middleware") or ()),
            on_failed=_on_failed(options.get("on_failed")),
            failed_queue=_queue(options.get("failed_queue")),
            keep_completed=_count("keep_completed", options.get("keep_completed"), least=0, most=MOST_KEPT),
            keep_failed=_count("keep_failed", options.get("keep_failed"), least=0, most=MOST_KEPT),
        )
    except InvalidValue as error:
        raise InvalidValue(f"handler {name}: {error.message}", hint=error.hint) from error


def declared_on(function: object) -> tuple[Handler, ...]:
    """The handlers that `@job` has left on a function; looks without touching, whatever the object is."""
    found = inspect.getattr_static(function, _DECLARED, ()) if callable(function) else ()
    return found if isinstance(found, tuple) else ()


def declared_in(namespace: Mapping[str, object]) -> list[Handler]:
    """Every declared handler in a module's namespace, in the order in which they are written."""
    return [handler for value in namespace.values() for handler in declared_on(value)]


class Registry:
    """Handlers by name. `plugin` is the name under which this registry's additions go."""

    def __init__(self, plugin: str = "") -> None:
        self._plugin = plugin
        self._handlers: dict[str, Handler] = {}

    def add(self, name: str, function: Callable[..., Any], **options: Unpack[HandlerOptions]) -> Handler:
        """Register a function under a name, as `@job` would; for `jobq_register_jobs`.

        Raises `InvalidValue` for a bad declaration, `PluginError` if the name is taken.
        """
        for unknown in options.keys() - _OPTIONS:
            meant = near(unknown, _OPTIONS, most=1)
            hint = f"did you mean {meant[0]}?" if meant else f"known are {', '.join(sorted(_OPTIONS))}"
            raise InvalidValue(f"handler {name}: unknown option {unknown}", hint=hint)
        return self.include(declare(name, function, options))

    def include(self, handler: Handler) -> Handler:
        """Take a declared handler in, with its payload's type resolved; raises like `add`."""
        try:
            schema = payload_type(handler.function)
        except InvalidValue as error:
            raise InvalidValue(f"handler {handler.name}: {error.message}", hint=error.hint) from error
        taken = msgspec.structs.replace(handler, schema=schema, plugin=handler.plugin or self._plugin)
        self._check_free(taken)
        return self._handlers.setdefault(taken.name, taken)

    def merge(self, other: Registry) -> None:
        """Take all handlers of another registry, or none of them; raises `PluginError` if a name is taken."""
        for handler in other:
            self._check_free(handler)
        for handler in other:
            self._handlers.setdefault(handler.name, handler)

    def get(self, name: str) -> Handler:
        """The handler of a name; raises `UnknownHandler` with the near matches."""
        if (handler := self._handlers.get(name)) is not None:
            return handler
        raise UnknownHandler(f"no handler named {name!r:.220} is loaded", hint=_loaded_like(name, self._handlers))

    def schema_of(self, name: str) -> Any:
        """The payload type of a name; None when it has none, or is not loaded."""
        handler = self._handlers.get(name)
        return None if handler is None else handler.schema

    def names(self) -> frozenset[str]:
        """The names that can be handled."""
        return frozenset(self._handlers)

    def infos(self) -> tuple[HandlerInfo, ...]:
        """What a worker registers in the store, by name."""
        return tuple(self._handlers[name].info() for name in sorted(self._handlers))

    def __iter__(self) -> Iterator[Handler]:
        return iter(tuple(self._handlers.values()))

    def __contains__(self, name: object) -> bool:
        return name in self._handlers

    def __len__(self) -> int:
        return len(self._handlers)

    def _check_free(self, handler: Handler) -> None:
        """Meeting one function again, by another module's import of it, is no conflict."""
        other = self._handlers.get(handler.name)
        if other is None or other.function is handler.function:
            return
        raise PluginError(
            f"two handlers claim the name {handler.name}: {_brought_by(other)} and {_brought_by(handler)}",
            hint="rename one of them, or leave one plugin out with [plugins] allow",
        )


def _brought_by(handler: Handler) -> str:
    return f"{handler.plugin} ({handler.location})" if handler.plugin else handler.location


def _loaded_like(name: str, known: Iterable[str]) -> str:
    if meant := near(name, known):
        return f"did you mean {' or '.join(meant)}?"
    return "see `jobq handlers list`; --plugin-dir and [plugins] say what is loaded"


def _takes_ctx(function: Callable[..., Any]) -> bool:
    """Say whether a context is to be passed; raises `InvalidValue` unless the function takes one or two values.

    A second parameter with a default is a context only by name, so that `def f(payload, retries=3)` keeps its 3.
    """
    if not callable(function):
        raise InvalidValue(f"{type(function).__name__} is not a function", hint="put @job above a def")
    parameters = [p for p in inspect.signature(function).parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    needed = [p for p in parameters if p.default is Parameter.empty and p.kind is not Parameter.VAR_POSITIONAL]
    positional = [p for p in parameters if p.kind is not Parameter.KEYWORD_ONLY]
    if not positional or len(needed) > _BOTH or any(p.kind is Parameter.KEYWORD_ONLY for p in needed):
        raise InvalidValue("the function must take (payload) or (payload, ctx)", hint="def send(payload, ctx): ...")
    if any(p.kind is Parameter.VAR_POSITIONAL for p in positional):
        return True
    return len(positional) > 1 and (len(needed) == _BOTH or positional[1].name in {"ctx", "context"})


def _is_async(function: Callable[..., Any]) -> bool:
    """Say whether calling the function gives a coroutine; a generator would end before its first line."""
    called = function if inspect.isroutine(function) or inspect.isfunction(function) else type(function).__call__
    inner = getattr(function, "func", called)  # functools.partial
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise InvalidValue("the function yields, so calling it would do nothing", hint="return the result instead")
    return inspect.iscoroutinefunction(inner)


def _description(given: str | None, function: Callable[..., Any]) -> str:
    text = given if given is not None else inspect.getdoc(function) if inspect.isroutine(function) else None
    return (text or "").strip().partition("\n")[0]


def _queue(value: str | None) -> str | None:
    return None if value is None else check_queue(value)


def _priority(value: int | str | None) -> int | None:
    return None if value is None else parse_priority(value)


def _timeout(value: float | timedelta | str | None) -> float | None:
    if value is None:
        return None
    seconds = parse_duration(value, what="timeout")
    if seconds <= 0:
        raise InvalidValue("timeout must be more than 0 seconds", hint="leave it out to use the configured one")
    return seconds


def _count(option: str, value: object, *, least: int = 1, most: int = MOST_ATTEMPTS) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidValue(
            f"{option} must be a whole number from {least} to {most}", hint="leave it out for the default"
        )
    return value


def _backoff(value: Backoff | BackoffFunction | str | None) -> Backoff | BackoffFunction | None:
    if value is None or isinstance(value, Backoff):
        return value
    return parse_backoff(value) if isinstance(value, str) else _callable("backoff", value, 1)


def _backoff_text(value: Backoff | BackoffFunction | None) -> str | None:
    if value is None:
        return None
    return value.text if isinstance(value, Backoff) else CUSTOM_BACKOFF


def _on_failed(value: OnFailed | None) -> OnFailed | None:
    return None if value is None else _callable("on_failed", value, 3)


C = TypeVar("C", bound=Callable[..., Any])


def _callable(option: str, value: C, takes: int) -> C:
    try:
        inspect.signature(value).bind(*range(takes))
    except (TypeError, ValueError) as error:
        raise InvalidValue(f"{option} must be a function of {_ARGUMENTS[option]}: {error}") from error
    return value


_ARGUMENTS = {"middleware": "(ctx, call_next)", "backoff": "(attempt, exc=None)", "on_failed": "(payload, error, ctx)"}
