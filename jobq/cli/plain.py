"""Texts and flags as they come, without pydantic.

Decision: every option of ours is a text, a list of texts or a flag, and is read by the parsers that configuration,
Python and HTTP use too, so that all of them refuse the same things in the same words. typer would still import
pydantic to turn each text into a text: more than a tenth of a second, for nothing, on every command. Cost: one
method of typer's parameters is replaced, one by one.
"""

from __future__ import annotations

from typing import Any


def make_plain(parameter: Any) -> None:
    """Let a parameter take texts as they are; what is none, a flag's environment variable say, goes typer's way."""
    if "process_value" in vars(parameter):
        return
    convert = parameter.process_value
    nothing = () if parameter.multiple or parameter.nargs == -1 else None

    def process_value(ctx: Any, value: Any) -> Any:
        is_missing = value is None or value == ()
        if (is_missing and parameter.required) or not (is_missing or _is_plain(value, parameter)):
            return convert(ctx, value)
        taken = nothing if is_missing else value
        return taken if parameter.callback is None else parameter.callback(ctx, parameter, taken)

    vars(parameter).update(process_value=process_value)


def _is_plain(value: Any, parameter: Any) -> bool:
    if getattr(parameter, "is_flag", False):
        return isinstance(value, bool)
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, str) for item in value)
    return isinstance(value, str)
