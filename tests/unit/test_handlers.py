from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, assert_type

import pytest

from jobq.backoff import exponential
from jobq.errors import InvalidValue, PluginError, UnknownHandler
from jobq.handlers import Handler, Registry, declared_in, declared_on, job
from jobq.jobs import HandlerInfo


def on_failed(payload: Any, error: Any, ctx: Any) -> None: ...


def layer(ctx: Any, call_next: Callable[[], Any]) -> Any:
    return call_next()


def slower(attempt: int, exc: BaseException | None = None) -> float:
    return attempt * 2.0


def the_one(function: Any) -> Handler:
    (handler,) = declared_on(function)
    return handler


def registered(name: str, function: Any, plugin: str = "") -> Registry:
    registry = Registry(plugin)
    registry.add(name, function)
    return registry


# @job


def test_a_declared_function_is_the_same_function() -> None:
    def send(payload: dict[str, str], ctx: Any) -> str:
        return payload["to"]

    declared = job("email:send")(send)

    assert declared is send
    assert declared({"to": "a"}, None) == "a"


def test_a_declared_function_keeps_its_type() -> None:
    @job("a:sync")
    def one(payload: int) -> str:
        return str(payload)

    @job("a:async")
    async def two(payload: int, ctx: Any) -> str:
        return str(payload)

    assert_type(one(1), str)
    assert declared_on(one) + declared_on(two) == (the_one(one), the_one(two))
    coroutine = two(1, None)
    coroutine.close()


def test_a_declaration_holds_every_option_checked_and_in_seconds() -> None:
    @job(
        "email:send",
        queue="emails",
        max_attempts=5,
        max_crashes=2,
        timeout="30s",
        priority="high",
        description="Sends an email.",
        backoff="exponential:5s:300s",
        middleware=[layer],
        on_failed=on_failed,
        failed_queue="failed-email",
        keep_completed=100,
        keep_failed=50,
    )
    def send(payload: Any, ctx: Any) -> None: ...

    assert the_one(send) == Handler(
        name="email:send",
        function=send,
        takes_ctx=True,
        is_async=False,
        queue="emails",
        max_attempts=5,
        max_crashes=2,
        timeout=30.0,
        priority=-10,
        description="Sends an email.",
        backoff=exponential(5, 300),
        middleware=(layer,),
        on_failed=on_failed,
        failed_queue="failed-email",
        keep_completed=100,
        keep_failed=50,
    )


def test_options_that_nobody_gave_stay_unset() -> None:
    @job("a:b")
    def handler(payload: Any) -> None: ...

    assert the_one(handler).info() == HandlerInfo(name="a:b")


def test_the_description_defaults_to_the_first_line_of_the_docstring() -> None:
    @job("a:b")
    def handler(payload: Any) -> None:
        """Does it.

        At length.
        """

    assert the_one(handler).description == "Does it."


def test_one_function_may_handle_several_names() -> None:
    @job("a:new")
    @job("a:old")
    def handler(payload: Any) -> None: ...

    assert [found.name for found in declared_on(handler)] == ["a:old", "a:new"]


def test_a_timedelta_and_a_function_are_options_too() -> None:
    @job("a:b", timeout=timedelta(minutes=2), backoff=slower)
    def handler(payload: Any) -> None: ...

    found = the_one(handler)

    assert (found.timeout, found.backoff, found.info().backoff) == (120.0, slower, "custom")


def test_whether_the_context_is_wanted_is_read_from_the_signature() -> None:
    def alone(payload: Any) -> None: ...
    def both(payload: Any, ctx: Any) -> None: ...
    def tuned(payload: Any, retries: int = 3) -> None: ...
    def named(payload: Any, ctx: Any = None) -> None: ...
    def star(*args: Any) -> None: ...
    def keywords(payload: Any, **more: Any) -> None: ...

    functions: list[Any] = [alone, both, tuned, named, star, keywords, functools.partial(both, ctx=None)]
    wants = [Registry().add("a:b", function).takes_ctx for function in functions]

    assert wants == [False, True, False, True, True, False, False]


def test_whether_a_handler_is_async_is_seen_through_partials_and_callables() -> None:
    async def later(payload: Any, ctx: Any) -> None: ...

    class Later:
        async def __call__(self, payload: Any) -> None: ...

    class Now:
        def __call__(self, payload: Any) -> None: ...

    functions: list[Any] = [later, functools.partial(later, ctx=None), Later(), Now()]

    assert [Registry().add("a:b", function).is_async for function in functions] == [True, True, True, False]


def none() -> None: ...
def three(payload: Any, ctx: Any, more: Any) -> None: ...
def keyword(payload: Any, *, more: Any) -> None: ...
def yields(payload: Any) -> Any:
    yield payload


async def yields_later(payload: Any) -> Any:
    yield payload


@pytest.mark.parametrize("function", [none, three, keyword, yields, yields_later, 7])
def test_a_function_that_could_not_be_called_is_refused_when_it_is_declared(function: Any) -> None:
    with pytest.raises(InvalidValue, match=r"^handler a:b: "):
        job("a:b")(function)


@pytest.mark.parametrize(
    "options",
    [
        {"queue": "a b"},
        {"max_attempts": 0},
        {"max_attempts": 1001},
        {"max_attempts": True},
        {"max_crashes": 0},
        {"timeout": 0},
        {"timeout": "soon"},
        {"priority": "urgent"},
        {"backoff": "expo"},
        {"backoff": 5},
        {"middleware": [lambda: None]},
        {"on_failed": lambda payload: None},
        {"failed_queue": ""},
        {"keep_completed": -1},
        {"keep_failed": 1.5},
    ],
)
def test_an_option_that_makes_no_sense_is_refused_with_the_handler_s_name(options: Any) -> None:
    with pytest.raises(InvalidValue, match=r"^handler a:b: "):
        job("a:b", **options)(lambda payload: None)


def test_a_bad_name_is_refused() -> None:
    with pytest.raises(InvalidValue, match="a b"):
        job("a b")(lambda payload: None)


def test_what_cannot_carry_a_declaration_can_be_added() -> None:
    carrier: Any = [].append

    with pytest.raises(InvalidValue, match=r"registry\.add"):
        job("a:b")(carrier)

    assert "a:b" in registered("a:b", carrier)


def test_collecting_touches_nothing_that_only_pretends() -> None:
    class Pretender:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

        def __call__(self) -> None: ...

    @job("a:b")
    def handler(payload: Any) -> None: ...

    namespace = {"x": Pretender(), "handler": handler, "again": handler, "n": 7, "Class": Pretender}

    assert [found.name for found in declared_in(namespace)] == ["a:b", "a:b"]


# Registry


def test_a_registry_resolves_types_that_are_defined_below_the_function() -> None:
    handler = Registry("plugin").include(the_one(early))

    assert (handler.schema, handler.plugin) == (Later, "plugin")
    assert handler.info().has_schema
    assert Registry().schema_of("nothing") is None


@job("early:bird")
def early(payload: Later) -> None: ...


@dataclass
class Later:
    x: int


def test_a_hook_adds_a_function_with_the_same_options_as_job() -> None:
    registry = Registry("plugin")

    handler = registry.add("report:daily", layer, timeout="10m", queue="reports")

    assert (handler.timeout, handler.queue, handler.takes_ctx) == (600.0, "reports", True)
    assert registry.get("report:daily") is handler
    assert registry.names() == {"report:daily"}
    assert [info.plugin for info in registry.infos()] == ["plugin"]


def test_an_option_that_does_not_exist_is_refused_with_the_near_match() -> None:
    options: Any = {"max_atempts": 3}

    with pytest.raises(InvalidValue, match=r"unknown option max_atempts \(did you mean max_attempts\?\)"):
        Registry().add("a:b", layer, **options)


def test_a_handler_that_is_not_loaded_is_answered_with_the_near_matches() -> None:
    with pytest.raises(UnknownHandler, match=r"'email:sned' is loaded \(did you mean email:send\?\)"):
        registered("email:send", layer).get("email:sned")

    with pytest.raises(UnknownHandler, match="jobq handlers list"):
        Registry().get("email:send")


def test_two_handlers_of_one_name_are_refused_and_both_are_named() -> None:
    registry = registered("a:b", layer, "one")

    with pytest.raises(PluginError) as caught:
        registry.merge(registered("a:b", slower, "two"))

    line_of = {name: f.__code__.co_firstlineno for name, f in (("one", layer), ("two", slower))}
    assert caught.value.message == (
        f"two handlers claim the name a:b: one ({__file__}:{line_of['one']}) and two ({__file__}:{line_of['two']})"
    )


def test_merging_is_all_or_nothing() -> None:
    registry = registered("a:b", layer, "one")
    other = registered("a:a", slower, "two")
    other.add("a:b", slower)

    with pytest.raises(PluginError):
        registry.merge(other)

    assert registry.names() == {"a:b"}


def test_meeting_the_same_function_twice_is_no_conflict() -> None:
    registry = registered("a:b", layer, "one")

    registry.merge(registered("a:b", layer, "two"))

    assert registry.get("a:b").plugin == "one"
    assert len(registry) == 1


def test_infos_are_sorted_by_name() -> None:
    registry = registered("b", layer)
    registry.add("a", slower)

    assert [info.name for info in registry.infos()] == ["a", "b"]
    assert [handler.name for handler in registry] == ["b", "a"]
