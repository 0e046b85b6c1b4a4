"""From what the sources give to one checked `Config`: the last word on a key wins, and every mistake is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jobq.backoff import parse_backoff
from jobq.config.places import default_dsn
from jobq.config.sources import Given, from_fallbacks
from jobq.config.tables import KEYS, TABLES, Config, Defaults, keys_of
from jobq.errors import ConfigError, InvalidValue
from jobq.names import near


def merge(given: Iterable[Given], environ: Mapping[str, str], cwd: Path, *, file: Path | None) -> Config:
    """Build the configuration from what was given, later ones over earlier ones.

    Raises `ConfigError` with a line for every unknown key and every value that makes no sense.
    """
    chosen: dict[str, Given] = {}
    problems: list[ConfigError] = []
    for one in given:
        if one.key in KEYS:
            chosen.update((part.key, part) for part in _spelt_out(one))
        else:
            problems.append(_unknown(one))
    for fallback in from_fallbacks(environ, str(_chosen_queue(chosen)), cwd):
        chosen.setdefault(fallback.key, fallback)
    values = _read_all(chosen, problems)
    _raise(problems)
    config = _assemble(values, _origins(chosen), environ, file)
    _check_together(config)
    return config


def _spelt_out(one: Given) -> list[Given]:
    """A whole policy such as `exponential:5s:300s` stands for four keys."""
    if one.key != "defaults.backoff" or not isinstance(one.value, str) or ":" not in one.value:
        return [one]
    try:
        policy = parse_backoff(one.value)
    except InvalidValue:  # reading the key will say what is wrong
        return [one]
    parts = {"backoff": policy.kind, "base": policy.base, "max": policy.max, "jitter": policy.jitter}
    return [one._replace(key=f"defaults.{name}", value=value) for name, value in parts.items()]


def _chosen_queue(chosen: Mapping[str, Given]) -> object:
    queue = chosen.get("defaults.queue")
    return Defaults().queue if queue is None else queue.value


def _read_all(chosen: Mapping[str, Given], problems: list[ConfigError]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, one in chosen.items():
        kind = KEYS[key].kind
        try:
            values[key] = kind.anchor(kind.read(one.value), one.base)
        except InvalidValue as error:
            problems.append(_bad(one, error))
    return values


def _bad(one: Given, error: InvalidValue) -> ConfigError:
    bad = ConfigError(f"{one.origin}: {one.key}: {error.message}", hint=error.hint)
    bad.__cause__ = error
    return bad


def _unknown(one: Given) -> ConfigError:
    if one.key in TABLES:
        return ConfigError(f"{one.origin}: {one.key} is a table, not a value", hint=f"write [{one.key}] above its keys")
    return ConfigError(f"{one.origin}: unknown key {one.key}", hint=_meant(one.key))


def _meant(key: str) -> str:
    """What was probably meant: a mistyped key, one of another table, or a mistyped table."""
    table, _, name = key.rpartition(".")
    siblings = {other.rpartition(".")[2]: other for other in KEYS if other.rpartition(".")[0] == table}
    here = siblings if table else siblings | {name: name for name in TABLES}
    elsewhere = [other for other in KEYS if other.rpartition(".")[2] == name]
    renamed = [f"{other}.{name}" for other in near(table, TABLES) if f"{other}.{name}" in KEYS]
    if close := [here[word] for word in near(name, here)] or renamed or elsewhere:
        return f"did you mean {' or '.join(close[:2])}?"
    return f"known there are {', '.join(siblings)}" if siblings else f"the tables are {', '.join(TABLES)}"


def _raise(problems: list[ConfigError]) -> None:
    """Raise one problem as it is, several as one error with a line for each."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ConfigError("\n".join(map(str, problems)))


def _origins(chosen: Mapping[str, Given]) -> dict[str, str]:
    return {key: chosen[key].origin if key in chosen else "default" for key in KEYS}


def _assemble(
    values: Mapping[str, Any], origins: Mapping[str, str], environ: Mapping[str, str], file: Path | None
) -> Config:
    built = {
        name: kind(**{leaf: values[f"{name}.{leaf}"] for leaf, _, _ in keys_of(kind) if f"{name}.{leaf}" in values})
        for name, kind in TABLES.items()
    }
    top = {name: values[name] for name, _, _ in keys_of(Config) if name in values}
    return Config(**({"dsn": default_dsn(environ)} | top | built), origins=origins, file=file)


def _check_together(config: Config) -> None:
    try:
        _ = config.defaults.policy
    except InvalidValue as error:
        places = {config.origins[f"defaults.{name}"] for name in ("backoff", "base", "max")} - {"default"}
        where = ", ".join(sorted(places))
        raise ConfigError(f"{where}: defaults: {error.message}", hint=error.hint) from error
