"""Work that happens a moment later: scans that take their time, events that arrive late."""

import asyncio
import logging
from collections.abc import Callable

import ministack.app as ministack_app

logger = logging.getLogger("patchwave")


def after(seconds: float, work: Callable[[], None]) -> None:
    """Runs `work` on the server's loop after the delay. A failure is logged, with its cause, in `cloud.log`."""
    loop: asyncio.AbstractEventLoop = ministack_app._MAIN_LOOP

    def run() -> None:
        try:
            work()
        except Exception:
            logger.exception("Delayed work failed")

    # Callers are on the loop or on the thread of a service; the loop's own call_later is for the loop's thread only.
    loop.call_soon_threadsafe(lambda: loop.call_later(seconds, run))
