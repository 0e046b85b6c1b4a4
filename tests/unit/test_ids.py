from __future__ import annotations

import subprocess
import sys
import threading
import time
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from jobq.ids import IdMaker, new_id, new_ids

HIGHEST = b"\xff"
FORK = """
import os, signal, threading
from jobq.ids import IdMaker

# Steps of zero at a standing clock: a child that went on where its parent stood would make the same ids.
maker = IdMaker(lambda: 10**18, lambda size: bytes(size) if size % 4 == 0 else os.urandom(size))
maker.make(1)
held, done = threading.Event(), threading.Event()

def hold():
    with maker._lock:
        held.set()
        done.wait()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    signal.alarm(10)  # ends a child that waits for a lock nobody will release
    os.write(writer, " ".join(maker.make(100)).encode())
    os._exit(0)
os.close(writer)
with open(reader) as file:
    ids = file.read().split()
os.waitpid(child, 0)
done.set()
thread.join()
print(len(ids), len({*ids, *maker.make(100)}))
"""


class Clock:
    """A clock that stands where it was put; `now` is in milliseconds."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now * 1_000_000


def milliseconds(text: str) -> int:
    return int(text.replace("-", "")[:12], 16)


def test_an_id_is_a_uuid_of_version_7() -> None:
    parsed = UUID(new_id())

    assert parsed.version == 7
    assert parsed.variant == RFC_4122


def test_an_id_is_written_as_36_lower_case_characters() -> None:
    text = new_id()

    assert len(text) == 36
    assert text == str(UUID(text))


def test_an_id_tells_when_it_was_made() -> None:
    before = time.time_ns() // 1_000_000

    made = milliseconds(IdMaker().make(1)[0])

    assert before <= made <= time.time_ns() // 1_000_000


def test_the_rfc_example_is_reproduced() -> None:
    random = 0xCC3 << 62 | 0x18C4DC0C0C07398F
    maker = IdMaker(Clock(0x017F22E279B0), lambda size: random.to_bytes(size) if size > 4 else bytes(size))

    # The RFC's example has the counter's highest bit set, which is kept free here.
    assert maker.make(1) == ["017f22e2-79b0-74c3-98c4-dc0c0c07398f"]


def test_ids_of_a_process_grow() -> None:
    ids = [new_id() for _ in range(2000)] + new_ids(2000) + [new_id() for _ in range(100)]

    assert ids == sorted(set(ids))


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 20)), max_size=50))
def test_ids_grow_whatever_the_clock_does(steps: list[tuple[int, int]]) -> None:
    clock = Clock()
    maker = IdMaker(clock)
    ids = []

    for step, count in steps:
        clock.now += step
        ids += maker.make(count)

    assert ids == sorted(set(ids))
    assert len(ids) == sum(count for _, count in steps)


def test_a_counter_that_runs_over_carries_into_the_time() -> None:
    clock = Clock()
    maker = IdMaker(clock, lambda size: HIGHEST * size)
    maker._last = (clock.now + 1 << 74) - 2

    ids = maker.make(3)

    assert ids == sorted(set(ids))
    assert [milliseconds(text) - clock.now for text in ids] == [0, 1, 1]
    assert {(UUID(text).version, UUID(text).variant) for text in ids} == {(7, RFC_4122)}


def test_a_counter_starts_low_enough_for_many_ids_in_one_millisecond() -> None:
    clock = Clock()
    maker = IdMaker(clock, lambda size: HIGHEST * size)

    assert {milliseconds(text) for text in maker.make(10_000)} == {clock.now}


def test_no_ids_are_made_when_none_are_asked_for() -> None:
    assert new_ids(0) == []


def test_threads_never_get_the_same_id() -> None:
    made: list[list[str]] = []
    threads = [threading.Thread(target=lambda: made.append([new_id() for _ in range(2000)])) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({text for ids in made for text in ids}) == 16_000
    assert all(ids == sorted(ids) for ids in made)


def test_a_thread_waits_while_another_makes_ids() -> None:
    inside, go = threading.Event(), threading.Event()
    finished: list[str] = []

    def clock() -> int:
        if not inside.is_set():
            inside.set()
            go.wait(10)
        return 10**18

    maker = IdMaker(clock)
    first, second = (threading.Thread(target=lambda: finished.extend(maker.make(10))) for _ in range(2))
    first.start()
    inside.wait(10)
    second.start()
    second.join(0.1)

    assert finished == []

    go.set()
    first.join()
    second.join()
    assert finished == sorted(set(finished))


def test_a_forked_child_neither_repeats_ids_nor_waits_for_a_lost_lock() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout.split() == ["100", "200"]


def test_makers_with_one_clock_do_not_meet() -> None:
    clock = Clock()

    ids = [text for _ in range(50) for text in IdMaker(clock).make(200)]

    assert len(set(ids)) == 10_000


def test_fifty_thousand_ids_take_a_fraction_of_a_second() -> None:
    def measured() -> float:
        start = time.thread_time()
        new_ids(50_000)
        return time.thread_time() - start

    assert min(measured() for _ in range(3)) < 0.2
