"""Handing out jobs: look what has come, see whose turn it is, take.

A look is one cheap statement and comes before every claim, so that the more urgent job that has just arrived goes
first. Only a worker that has just been given plenty skips it for some milliseconds. Jobs that nobody here can run
are met once, when they come, and never again.
"""

from __future__ import annotations

from time import monotonic

from jobq.drivers.postgres.connections import Connections, Runner
from jobq.drivers.postgres.rows import claim_of
from jobq.drivers.postgres.session import PostgresSession
from jobq.drivers.postgres.verbs import Verbs
from jobq.drivers.protocol import Claimed, Demand
from jobq.errors import JobqError
from jobq.jobs import Claim

# So many jobs are plenty.
_PLENTY = 50
# So much news is not to be read again, as it would be by a worker that finds nothing to claim in it.
_MUCH_NEWS = 200
# More news than this are better read lane by lane.
_MOST_NEWS = 5000
_MOST_LANES = 20_000
# How soon a worker that has been given too much for hints looks again.
_SOON = 0.02
# For how long a claim whose answer was lost may still be under way in the server.
_DOUBT = 60.0


class Claiming:
    """Claims for the sessions of one driver."""

    def __init__(self, connections: Connections, verbs: Verbs) -> None:
        self._connections = connections
        self._verbs = verbs

    def claim(self, session: PostgresSession, demand: Demand, *, listening: bool) -> Claimed:
        """Give out up to `demand.limit` jobs in the order in which they are to start."""
        with session.lock:
            session.adopt(demand)
            self._settle_doubts(session)
            try:
                wait, claims = self._find(session, demand.limit)
                if not claims and listening and self._wants_hints(session):
                    # Whatever came between the first look and this word has sent no hint.
                    wait, claims = self._find(session, demand.limit)
            except JobqError:
                session.doubt_until = monotonic() + _DOUBT
                session.start_over()
                raise
            session.held.update(claim.token for claim in claims)
            return Claimed(claims=tuple(claims), wait=self._wait(session, wait, len(claims)))

    def _find(self, session: PostgresSession, limit: int) -> tuple[float | None, list[Claim]]:
        """What can be had, and in how many seconds more falls due."""
        wait, claims, looked = None, list[Claim](), False
        if session.looking.is_due(monotonic()):
            wait, looked = self._look(session), True
        if session.patrolling.is_due(monotonic()):
            self._survey(session)
        claims = self._serve(session, limit)
        if not claims and not looked:
            wait = self._look(session)
            claims = self._serve(session, limit)
        if not claims and session.surveying.is_due(monotonic()):
            self._survey(session)
            claims = self._serve(session, limit)
        self._note_pace(session, len(claims), limit)
        return wait, claims

    def _look(self, session: PostgresSession) -> float | None:
        """Read the news; in how many seconds the next job falls due."""
        began = monotonic()
        looked = self._connections.run(self._verbs.look(session.horizon, session.wish, _MOST_NEWS))
        session.horizon.looked(looked.at, looked.snapshot)
        session.lanes.hear(looked.news)
        if looked.jobs >= _MUCH_NEWS and (written := self._connections.run(self._verbs.mark())) is not None:
            session.wrote(written)
        session.looking.spent(began, monotonic())
        if looked.jobs >= _MOST_NEWS:
            self._survey(session)
        return looked.wait

    def _survey(self, session: PostgresSession) -> None:
        """Find lanes with work in the whole table, or as many of them as may be remembered."""
        began = monotonic()
        surveyed = self._connections.run(self._verbs.survey(session.survey_rest, _MOST_LANES))
        session.survey_rest = surveyed.rest
        session.lanes.hear(surveyed.news)
        session.surveying.spent(began, monotonic())
        session.patrolling.spent(began, monotonic())

    def _serve(self, session: PostgresSession, limit: int) -> list[Claim]:
        """Take up to so many of what is known to wait; less, but plenty, where somebody else is at it too."""
        claims: list[Claim] = []
        session.contested = False
        while len(claims) < limit and (course := session.lanes.course(limit - len(claims))):
            rows, written = self._connections.run(self._verbs.claim(session.number, course))
            contested = session.lanes.note(course, rows)
            claims += map(claim_of, course.order(rows))
            if written is not None:
                session.wrote(written)
            session.contested |= contested
            if contested and len(claims) >= max(_PLENTY, limit // 2):
                break
        return claims

    def _note_pace(self, session: PostgresSession, claims: int, limit: int) -> None:
        now = monotonic()
        session.pace.took(claims, now)
        if claims < max(limit, _PLENTY):
            session.looking.reset()
        if session.waiting and session.pace.is_busy(now):
            self._say_waiting(session, waiting=False)

    def _wants_hints(self, session: PostgresSession) -> bool:
        """Tell the store that this worker waits; True when it has just been told."""
        if session.waiting or session.pace.is_busy(monotonic()):
            return False
        self._say_waiting(session, waiting=True)
        return session.waiting

    def _say_waiting(self, session: PostgresSession, *, waiting: bool) -> None:
        written = self._connections.run(self._verbs.await_hints(session.number, waiting=waiting))
        session.waiting = waiting and written is not None
        if written is not None:
            session.wrote(written)

    def _wait(self, session: PostgresSession, wait: float | None, claims: int) -> float | None:
        """In how many seconds to look again: at once if more is known to wait, soon if it may."""
        if session.lanes or (session.contested and claims):
            return 0.0
        if session.contested or session.survey_rest is not None or session.pace.is_busy(monotonic()):
            return _SOON if wait is None else min(wait, _SOON)
        return wait

    def _settle_doubts(self, session: PostgresSession) -> None:
        """Put back what was claimed without anybody getting to know of it."""
        now = monotonic()
        if now >= session.doubt_until or not session.doubting.is_due(now):
            return

        def put_back(run: Runner) -> int:
            run(self._verbs.lock_session(session.number))
            return run(self._verbs.strays(session.number, session.held))

        self._connections.transact(put_back)
        session.doubting.spent(now, monotonic())
