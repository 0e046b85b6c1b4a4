"""The template process: imports configuration and plugins once, and forks a child whenever it is asked.

1. Read how to boot, load everything, and say what was loaded or why not.
2. For each `Fork`: fork twice, so that the child is orphaned at once and adopted by the supervisor.
3. Leave when the supervisor does.

It runs no job and has one thread, which is what makes forking safe. A reload is a new template; its own death is
no job's crash, because nothing runs here.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import socket
import sys
import traceback

import msgspec

from jobq.errors import JobqError
from jobq.worker.boot import Boot, Loadout, load
from jobq.worker.frames import Broken, Fork, Inflow, Loaded, Stop, Tell, ToTemplate, pack, read_frame
from jobq.worker.linux import be_first_to_go, die_with, wait_for_adoption
from jobq.worker.slots import SlotBoard

_FDS = 2


def main() -> None:
    """Serve the supervisor at the other end of descriptor 3."""
    sock = socket.socket(fileno=3)
    os.dup2(2, 1)  # raw writes of handlers must not end up in the data that the worker prints
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    body = read_frame(sock)
    if body is None:
        return
    boot = msgspec.msgpack.decode(body, type=Boot)
    die_with(boot.supervisor)
    loadout = _load(sock, boot)
    if loadout is not None:
        gc.collect()
        gc.freeze()
        _serve(sock, boot, loadout)


def _load(sock: socket.socket, boot: Boot) -> Loadout | None:
    """Load everything and say how it went; None when there is nothing to fork, or nobody to fork for."""
    try:
        loadout = load(boot)
    except JobqError as error:
        trace = "".join(traceback.format_exception(error.__cause__ or error))
        _say(sock, Broken(error.message, error.hint, trace))
        return None
    except BaseException as error:  # noqa: BLE001 (a plugin may raise anything; the supervisor must hear of it)
        line = traceback.format_exception_only(error)[-1].strip()
        _say(sock, Broken(f"loading the plugins failed: {line}", None, traceback.format_exc()))
        return None
    return loadout if _say(sock, Loaded(loadout.infos, loadout.defaults, loadout.broken)) else None


def _say(sock: socket.socket, frame: Loaded | Broken) -> bool:
    """Send a frame; False when the supervisor has gone meanwhile."""
    try:
        sock.sendall(pack(frame))
    except OSError:
        return False
    return True


def _serve(sock: socket.socket, boot: Boot, loadout: Loadout) -> None:
    decode = msgspec.msgpack.Decoder(ToTemplate)
    inflow = Inflow()
    while True:
        data, fds, _, _ = socket.recv_fds(sock, 1 << 16, _FDS)
        if not data:
            return
        for body in inflow.feed(data):
            match decode.decode(body):
                case Fork(slots=slots):
                    _fork(sock, boot, loadout, slots, fds)
                case Tell(hook=hook, worker=worker):
                    loadout.observers.tell(hook, worker=worker)
                case Stop():
                    return


def _fork(sock: socket.socket, boot: Boot, loadout: Loadout, slots: int, fds: list[int]) -> None:
    """Make a child that is the supervisor's, not ours."""
    between = os.fork()
    if between == 0:
        between = os.getpid()
        if os.fork() != 0:
            os._exit(0)
        sock.close()
        _become_child(boot, loadout, slots, fds, between)
    os.waitpid(between, 0)
    for fd in fds:
        os.close(fd)


def _become_child(boot: Boot, loadout: Loadout, slots: int, fds: list[int], between: int) -> None:
    status = 1
    try:
        wait_for_adoption(boot.supervisor, between)
        die_with(boot.supervisor)
        be_first_to_go()
        faulthandler.register(signal.SIGUSR1, file=2)
        board = SlotBoard(fds[1], slots)
        os.close(fds[1])
        loadout.child(socket.socket(fileno=fds[0]), board).run()
        status = 0
    except BaseException:  # noqa: BLE001 (the last frame of a process: say it and leave)
        sys.__stderr__ and sys.__stderr__.write(traceback.format_exc())
    finally:
        loadout.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
