"""Doing one thing to many jobs: find them, ask, do it in portions, and say what came of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from jobq.cli import output
from jobq.cli.actions import Action
from jobq.cli.inputs import read_ids
from jobq.cli.progress import progress
from jobq.cli.selection import Selection
from jobq.cli.session import Session
from jobq.client import Client
from jobq.errors import JobqError, UsageError
from jobq.filters import Filters

T = TypeVar("T")
PORTION = 500


class Consent(NamedTuple):
    """What the command line says about asking: `--yes` and `--dry-run`."""

    yes: bool
    dry_run: bool


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was named and left as it was, and why."""

    id: str
    code: str
    message: str
    hint: str | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `changed` holds ids; `left` counts those that were not even tried."""

    matched: int
    changed: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    left: int = 0

    @property
    def skipped(self) -> int:
        """How many were left as they were."""
        return self.left + len(self.refused)

    def and_then(self, other: Report) -> Report:
        """Both together."""
        return Report(
            matched=self.matched + other.matched,
            changed=self.changed + other.changed,
            refused=self.refused + other.refused,
            left=self.left + other.left,
        )


class Chosen(NamedTuple):
    """The jobs that are meant: full ids, those that nobody knows, and whether they were named one by one."""

    ids: list[str]
    refused: tuple[Refusal, ...]
    by_id: bool

    @property
    def is_single(self) -> bool:
        """Whether exactly one was named: what is in its way is then the command's error."""
        return self.by_id and len(self.ids) == 1 and not self.refused


def carry_out(
    session: Session, client: Client, action: Action, given: Sequence[str], *, states: Sequence[str], consent: Consent
) -> int:
    """Find the jobs, ask if they were not named, do it and print what came of it; returns the exit code.

    `states` are those that filters mean when they name none.
    """
    chosen = choose(session, client, given, states)
    if consent.dry_run:
        matched = len(chosen.ids) + len(chosen.refused)
        return present(session, Report(matched=matched, refused=chosen.refused), action.done)
    if chosen.is_single:
        action.one(chosen.ids[0])
        return present(session, Report(matched=1, changed=tuple(chosen.ids)), action.done)
    if not chosen.by_id:
        ask(action.verb, len(chosen.ids), consent)
    return present(session, apply(session, action, chosen), action.done)


def choose(session: Session, client: Client, given: Sequence[str], states: Sequence[str]) -> Chosen:
    """Find the jobs that are meant: by ids on the line or on standard input, or by filters.

    A single id that is unknown raises `NotFound`; of several, the unknown ones are refused.
    """
    selection = session.asked(Selection)
    if not given:
        return Chosen(_matching(session, client, selection.filters(states=states)), (), by_id=False)
    if selection.selects:
        raise UsageError("ids and filters are both given", hint="leave one out")
    parts = read_ids(given)
    ids, refused = [], []
    for part in parts:
        try:
            ids.append(client.resolve(part))
        except JobqError as error:
            if len(parts) == 1:
                raise
            refused.append(_refusal(part, error))
    return Chosen(list(dict.fromkeys(ids)), tuple(refused), by_id=True)


def ask(verb: str, count: int, consent: Consent) -> None:
    """Ask before something is done to jobs that were not named; raises `UsageError` when nobody can be asked."""
    if consent.yes or count == 0:
        return
    jobs = "1 job" if count == 1 else f"{count:,} jobs"
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        raise UsageError(f"this would {verb} {jobs}", hint="confirm it with --yes, or count only, with --dry-run")
    print(f"{verb} {jobs}? [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().strip().lower()
    if answer not in {"y", "yes"}:
        raise UsageError("nothing was changed")


def apply(session: Session, action: Action, chosen: Chosen) -> Report:
    """Do it to all of them, in portions."""
    changed: list[str] = []
    refused = list(chosen.refused)
    with progress(session, action.verb, len(chosen.ids)) as reach:
        for done, portion in portions(chosen.ids, PORTION):
            at_once = set(action.many(portion))
            tried = {id: _try_one(action, id) for id in portion if id not in at_once}
            changed += [id for id in portion if tried.get(id) is None]
            refused += [refusal for refusal in tried.values() if refusal is not None]
            reach(done)
    return Report(matched=len(chosen.ids) + len(chosen.refused), changed=tuple(changed), refused=tuple(refused))


def portions(items: Sequence[T], size: int) -> Iterator[tuple[int, Sequence[T]]]:
    """Parts of a list, each with how much of it is then done."""
    for start in range(0, len(items), size):
        part = items[start : start + size]
        yield start + len(part), part


def present(session: Session, report: Report, done: str) -> int:
    """Print what came of it; returns the exit code."""
    if session.given.json:
        output.print_document(
            {
                "matched": report.matched,
                "changed": len(report.changed),
                "skipped": report.skipped,
                "errors": report.refused,
            }
        )
    elif session.given.quiet:
        output.print_lines(report.changed)
    else:
        for refusal in report.refused:
            session.note(f"{refusal.id}: {refusal.message}")
        print(f"{report.matched:,} matched, {len(report.changed):,} {done}, {report.skipped:,} skipped")
    return 1 if report.refused else 0


def _matching(session: Session, client: Client, filters: Filters) -> list[str]:
    """The ids of all jobs that match, the oldest first."""
    found: list[str] = []
    cursor = None
    with progress(session, "looking", client.count(**filters)) as reach:
        while True:
            page = client.list(limit=PORTION, cursor=cursor, **filters)
            found += [job.id for job in page.items]
            cursor = page.next_cursor
            reach(len(found))
            if cursor is None:
                return found[::-1]


def _try_one(action: Action, id: str) -> Refusal | None:
    """Find out why a job was left as it was; by now it may be possible."""
    try:
        action.one(id)
    except JobqError as error:
        return _refusal(id, error)
    return None


def _refusal(id: str, error: JobqError) -> Refusal:
    return Refusal(id=id, code=error.code, message=error.message, hint=error.hint)
