"""Where an invocation runs: in the execution environment of its function that is free first.

ministack starts a new process for every invocation that finds none free, all at once. On AWS each of
them has a processor of its own; here they share those of this machine, and forty that start together
are slower than four that serve forty. So as many start at a time as there are processors, and while
those are busy, starts wait. Who waits is served by whichever comes first: its turn to start one, or
an environment that is free again.

No invocation depends on the end of another one. Where those at work come to no end for a moment they
wait themselves, and not for a processor; and after `_LONGEST_SECONDS`, as long as a new environment may
take on AWS, its turn comes in any case.
"""

import functools
import logging
import os
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.lambda_runtime import Worker
from ministack.services import lambda_svc
from upstream import pinned

logger = logging.getLogger("patchwave.placement")

_PROCESSORS = os.cpu_count() or 1
# So many invocations keep the processors busy, though each of them waits for its calls now and then.
_BUSY = 2 * _PROCESSORS
_STALLED_SECONDS = 0.5
_LONGEST_SECONDS = 10.0


@dataclass(eq=False)
class _Waiting:
    """An invocation that found no free environment; `worker` stays None where it is to start one itself."""

    key: str
    worker: Worker | None = None
    served: threading.Event = field(default_factory=threading.Event)
    is_due: bool = False


# In the order of their coming. All of this is guarded by ministack's own lock of its workers.
_waiting: deque[_Waiting] = deque()
_starting = 0
# When an invocation ended, or an environment had started.
_moved_at = time.monotonic()


def place_invocations() -> None:
    """Puts this in the place of how ministack takes environments and gives them back."""
    acquire = pinned(lambda_runtime.acquire_worker, "5017d144adb5")
    release = pinned(lambda_runtime.release_worker, "25d5dd7d42b6")
    for module in (lambda_runtime, lambda_svc):
        module.acquire_worker = functools.wraps(acquire)(_acquire)
        module.release_worker = functools.wraps(release)(_release)


def _acquire(func_name: str, config: dict[str, Any], code_zip: bytes, qualifier: str = "$LATEST") -> tuple[Worker, str]:
    key = lambda_runtime._worker_key(func_name, config, qualifier)
    with lambda_runtime._lock:
        free = next((worker for worker in lambda_runtime._workers.get(key, []) if not worker.in_use), None)
        if free is not None:
            return _lent(free), "reused"
        waiting = _Waiting(key)
        _waiting.append(waiting)
        _let_start()
    due_at = time.monotonic() + _LONGEST_SECONDS
    while not waiting.served.wait(_STALLED_SECONDS):
        with lambda_runtime._lock:
            now = time.monotonic()
            waiting.is_due = now >= due_at or (_starting == 0 and now - _moved_at >= _STALLED_SECONDS)
            _let_start()
    if waiting.worker is not None:
        return waiting.worker, "reused"
    worker = lambda_runtime._worker_class_for(config)(func_name, config, code_zip)
    _start(key, worker)
    return worker, "spawn"


def _lent(worker: Worker) -> Worker:
    worker.in_use, worker.last_used = True, time.time()
    return worker


def _start(key: str, worker: Worker) -> None:
    global _starting, _moved_at
    with lambda_runtime._lock:
        lambda_runtime._workers.setdefault(key, []).append(_lent(worker))
    try:
        lambda_runtime.ensure_spawned(worker)
    except Exception as error:
        # The invocation starts it once more, and tells what is wrong.
        logger.warning("An environment of %s did not start: %s", key, error)
    finally:
        with lambda_runtime._lock:
            _starting, _moved_at = _starting - 1, time.monotonic()
            _let_start()


def _let_start() -> None:
    global _starting
    busy = sum(worker.in_use for pool in lambda_runtime._workers.values() for worker in pool)
    for waiting in list(_waiting):
        if _starting >= _PROCESSORS:
            return
        if waiting.is_due or busy < _BUSY:
            _starting, busy = _starting + 1, busy + 1
            _waiting.remove(waiting)
            waiting.served.set()


def _release(worker: Worker | None) -> None:
    global _moved_at
    if worker is None:
        return
    with lambda_runtime._lock:
        _moved_at = time.monotonic()
        key = next((key for key, pool in lambda_runtime._workers.items() if worker in pool), None)
        # An environment of a function that was changed or deleted meanwhile is not used again.
        waiting = next((each for each in _waiting if each.key == key), None)
        if waiting is None:
            worker.in_use = False
            _let_start()
            return
        _waiting.remove(waiting)
        waiting.worker = _lent(worker)
        waiting.served.set()
