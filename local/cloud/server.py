"""The HTTP server in front of ministack.

ministack is started by hypercorn, which reads requests in Python; of what a call of an SDK takes here, that was
nearly half. uvicorn reads them in C, and its event loop is one in C where there is one for the system.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_KEEP_ALIVE_SECONDS = 75


class _Joined:
    """A transport that sends head and body of a reply together: each write of its own wakes the caller."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        held, self._held = self._held, []
        if held:
            self._transport.write(b"".join(held))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Protocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = _Joined(transport, self.loop)  # type: ignore[assignment]


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals as `serve` has set them."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends without waiting for clients: the process that stops the cloud sends no further calls."""
        await self.lifespan.shutdown()


def serve(application: Any, listener: socket.socket, watch: Callable[[Callable[[], None]], None]) -> None:
    """Serves until it is stopped: by SIGTERM, or by `watch`, which gets the function that stops it."""
    server = _Server(
        uvicorn.Config(
            application,
            http=_Protocol,
            ws="none",
            lifespan="on",
            # What AWS says of itself ministack says.
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            log_level="warning",
            access_log=False,
        )
    )

    def stop() -> None:
        server.should_exit = True

    watch(stop)
    signal.signal(signal.SIGTERM, lambda *_: stop())
    # A Ctrl-C at the terminal is the parent's to handle; it ends us by ending our standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server.run(sockets=[listener])
