"""The clock of queues, alarms and the time-outs of executions, which a test may set forward (`PUT /_patchwave/clock`).

An alarm that looks back 26 hours, a message that is hidden for minutes and a review that ends after six hours take that
long. Setting the clock forward is the one way to compress time, and it exists in the embedded cloud only: no template and no
function changes for it. Functions, the ledger, schedules and waits of state machines go on by the machine's own clock.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import ministack.app as ministack_app
from background import after

_TICK_SECONDS = 1.0

_ahead_seconds = 0.0
_watchers: list[tuple[int, Callable[[], None]]] = []
_timers: list["Timer"] = []
_lock = threading.Lock()
_minute = -1
_is_ticking = False

# The order in which watchers run: what measures comes before what judges the measurements.
MEASURES, JUDGES = 0, 1


def now() -> float:
    """Seconds since the epoch, by this clock."""
    return time.time() + _ahead_seconds


class _TimeModule:
    """Stands in for the module `time` inside a service: its `time()` is this clock."""

    time = staticmethod(now)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def follow(module: Any) -> None:
    """Makes the clock of a module of ministack this one."""
    module.time = _TimeModule()


def each_minute(order: int, work: Callable[[], None]) -> None:
    """Runs `work` on the server's loop once a minute of this clock, and when the clock was set forward."""
    global _is_ticking
    _watchers.append((order, work))
    _watchers.sort(key=lambda watcher: watcher[0])
    if not _is_ticking:
        _is_ticking = True
        threading.Thread(target=_tick, name="patchwave-clock", daemon=True).start()


class Timer:
    """Calls `work` once after so many seconds of this clock, unless cancelled before."""

    def __init__(self, seconds: float, work: Callable[[], None]) -> None:
        self._due = now() + seconds
        self._work = work
        self._real = threading.Timer(seconds, self._fire)
        self._real.daemon = True

    def start(self) -> None:
        with _lock:
            _timers.append(self)
        self._real.start()

    def cancel(self) -> None:
        self._real.cancel()
        with _lock:
            if self in _timers:
                _timers.remove(self)

    def is_due(self) -> bool:
        return self._due <= now()

    def fire_early(self) -> None:
        """The clock was set forward past the timer."""
        self._real.cancel()
        threading.Thread(target=self._fire, daemon=True).start()

    def _fire(self) -> None:
        with _lock:
            if self not in _timers:
                return
            _timers.remove(self)
        self._work()


def set_forward(seconds: float) -> float:
    """Sets the clock forward, then measures, fires what became due, and judges. Returns the new time.

    Call it on the server's loop.
    """
    global _ahead_seconds
    _run(MEASURES)
    _ahead_seconds += seconds
    with _lock:
        due = [timer for timer in _timers if timer.is_due()]
    for timer in due:
        timer.fire_early()
    _run(MEASURES)
    _run(JUDGES)
    return now()


def _run(order: int) -> None:
    for place, work in _watchers:
        if place == order:
            work()


def _tick() -> None:
    while True:
        time.sleep(_TICK_SECONDS)
        if ministack_app._MAIN_LOOP is not None:
            after(0, _look)


def _look() -> None:
    global _minute
    minute = int(now() // 60)
    if minute != _minute:
        _minute = minute
        _run(MEASURES)
    _run(JUDGES)
