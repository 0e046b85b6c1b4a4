"""From a claim to an outcome: payload, middleware, handler, and what its end means.

A `Pipeline` knows handlers and policy and nothing of stores or processes. Everything a handler can do wrong
ends here as an `Outcome`; no exception of a handler's leaves `run`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from jobq import payload as json_text
from jobq.backoff import delay_of, exponential, parse_backoff
from jobq.context import Context, Port
from jobq.errors import JobCancelled, JobInterrupted, UnknownHandler
from jobq.handlers import Handler, Registry
from jobq.interrupt import Interruptible
from jobq.jobs import Cancelled, Claim, Completed, ErrorInfo, Failed, Outcome, Released, Snoozed
from jobq.masking import mask_text
from jobq.names import near
from jobq.observers import Observers, hook_of
from jobq.policy import CUSTOM_BACKOFF, RELEASED, Limits, after_failure
from jobq.results import Discard, Failure, Retry, Snooze, Success
from jobq.schema import validate

Middleware = Callable[[Context, Callable[[], Any]], Any]
MOST_THREADS = 4096


class EventLoop:
    """One asyncio loop on a thread of its own, started when the first async handler needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # Layers of middleware wait for each other in these threads: the usual few would wait for ever.
                self._loop.set_default_executor(ThreadPoolExecutor(MOST_THREADS, "jobq-layer"))
                threading.Thread(target=self._loop.run_forever, name="jobq-async", daemon=True).start()
            return self._loop

    def close(self) -> None:
        """Stop the loop, if there is one."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None


class Pipeline:
    """Runs claims with the handlers of a registry, inside the middleware of everybody and of each."""

    def __init__(
        self, registry: Registry, middleware: Sequence[Middleware], loop: EventLoop, observers: Observers | None = None
    ) -> None:
        self._registry = registry
        self._middleware = tuple(middleware)
        self._loop = loop
        self._observers = observers

    def run(self, claim: Claim, limits: Limits, port: Port, interruptible: Interruptible) -> Outcome:
        """Run one attempt to its end, whatever that is."""
        if claim.name not in self._registry:
            return RELEASED  # handlers have changed since it was claimed: it waits for a worker that has this one
        handler = self._registry.get(claim.name)
        ctx = Context(claim, limits, port, interruptible)
        if self._observers is None:
            return self._attempt(handler, ctx, limits, interruptible)
        self._observers.tell("jobq_job_started", job=claim)
        self._observers.tell("jobq_before_job", ctx=ctx)
        outcome = self._attempt(handler, ctx, limits, interruptible)
        self._observers.tell("jobq_after_job", ctx=ctx, outcome=outcome)
        if (hook := hook_of(outcome)) is not None:
            self._observers.tell(hook, job=claim, outcome=outcome)
        return outcome

    def _attempt(self, handler: Handler, ctx: Context, limits: Limits, interruptible: Interruptible) -> Outcome:
        claim = ctx.claim
        try:
            ctx.payload = _checked_payload(handler, claim)
            value = self._perform(handler, ctx, interruptible)
        except BaseException as error:  # noqa: BLE001 (whatever a handler raises is an outcome, SystemExit too)
            return Completed() if ctx.was_completed else outcome_of_error(error, claim, limits, handler)
        try:
            return outcome_of_value(value, ctx, limits, handler)
        except Exception as error:  # noqa: BLE001 (a Failure's message or data may be anything)
            return outcome_of_error(error, claim, limits, handler)

    def unknown(self, name: str) -> UnknownHandler:
        """The error for a name that nothing here handles."""
        close = near(name, self._registry.names())
        hint = f"did you mean {' or '.join(close)}?" if close else "load its plugin, or see `jobq handlers list`"
        return UnknownHandler(f"no handler for {name} in this process", hint=hint)

    def _perform(self, handler: Handler, ctx: Context, interruptible: Interruptible) -> Any:
        layers = (*self._middleware, *handler.middleware)
        arguments = (ctx.payload, ctx) if handler.takes_ctx else (ctx.payload,)
        core = partial(handler.function, *arguments)
        if not layers and not handler.is_async:
            return interruptible.run(core)
        if not any(iscoroutinefunction(layer) for layer in layers) and not handler.is_async:
            return interruptible.run(_wrap(layers, ctx, core))
        return interruptible.run_async(self._loop.get(), _as_coroutine(_wrap_async(layers, ctx, core)))


def _wrap(layers: Sequence[Middleware], ctx: Context, core: Callable[[], Any]) -> Callable[[], Any]:
    """The onion, all of it synchronous."""
    for layer in reversed(layers):
        core = partial(layer, ctx, core)
    return core


def _wrap_async(layers: Sequence[Middleware], ctx: Context, core: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    """The onion on the event loop: a synchronous layer or handler gets a thread, so that it cannot block the rest."""
    call = _awaitable(core)
    for layer in reversed(layers):
        call = _async_layer(layer, ctx, call)
    return call


def _async_layer(layer: Middleware, ctx: Context, inner: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    if iscoroutinefunction(layer):
        return partial(layer, ctx, inner)

    async def outer() -> Any:
        loop = asyncio.get_running_loop()

        def call_next() -> Any:
            return asyncio.run_coroutine_threadsafe(_as_coroutine(inner), loop).result()

        return await asyncio.to_thread(layer, ctx, call_next)

    return outer


async def _as_coroutine(call: Callable[[], Awaitable[Any]]) -> Any:
    return await call()


def _awaitable(core: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    function = core.func if isinstance(core, partial) else core
    if iscoroutinefunction(function):
        return core
    return partial(asyncio.to_thread, core)


def _checked_payload(handler: Handler, claim: Claim) -> Any:
    """The payload as the handler wants it; what cannot be read will not get better by trying again."""
    try:
        value = json_text.decode(claim.payload)
        return value if handler.schema is None else validate(value, handler.schema)
    except (ValueError, RecursionError) as error:
        raise Discard(str(error)) from None


def outcome_of_value(value: Any, ctx: Context, limits: Limits, handler: Handler) -> Outcome:
    """Say what a handler's return means."""
    claim = ctx.claim
    if isinstance(value, Failure):
        text = value.message if value.data is None else f"{value.message} {value.data!r}"
        error = ErrorInfo(type="Failure", message=json_text.clean_text(mask_text(text)))
        return after_failure(claim, limits, error, backoff_delay(claim, limits, handler, None))
    data = value.data if isinstance(value, Success) else value
    if data is None:
        return Completed()
    text, warning = json_text.encode_result(data)
    if warning is not None:
        ctx.log.warning("job.result_dropped", reason=warning)
    return Completed(result=text)


def outcome_of_error(error: BaseException, claim: Claim, limits: Limits, handler: Handler) -> Outcome:
    """Say what an exception leads to."""
    match error:
        case Snooze(delay=delay):
            return Snoozed(delay=delay)
        case JobInterrupted():
            return Released()
        case JobCancelled():
            return Cancelled()
        case Discard():
            return Failed(error=json_text.describe(error), reason="discarded")
    described = json_text.describe(error)
    if isinstance(error, Retry) and error.delay is not None:
        return after_failure(claim, limits, described, error.delay)
    return after_failure(claim, limits, described, backoff_delay(claim, limits, handler, error))


def backoff_delay(claim: Claim, limits: Limits, handler: Handler, error: BaseException | None) -> float:
    """How long to wait before the next attempt; a custom function that fails must not lose the job's error."""
    policy = handler.backoff if limits.backoff == CUSTOM_BACKOFF else parse_backoff(limits.backoff)
    try:
        return delay_of(policy or exponential(), claim.attempt, error)
    except Exception:  # noqa: BLE001 (the user's own function)
        return exponential()(claim.attempt)
