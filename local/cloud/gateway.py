"""The ASGI application in front of ministack: the admin routes, and the moment of readiness."""

from collections.abc import Awaitable, Callable
from typing import Any

import admin

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def gateway(ministack_app: Any, announce: Callable[[], None]) -> Application:
    """Serves `/_patchwave/...` itself and hands everything else to ministack.

    `announce` is called once, when requests are accepted.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await ministack_app.app(scope, receive, _announcing(send, announce))
        elif scope["type"] == "http" and scope["path"].startswith(admin.PREFIX):
            await admin.serve(scope, receive, send)
        else:
            await ministack_app.app(_as_secure(scope), receive, send)

    return application


def _announcing(send: Send, announce: Callable[[], None]) -> Send:
    async def sending(message: dict[str, Any]) -> None:
        await send(message)
        if message["type"] == "lifespan.startup.complete":
            announce()

    return sending


def _as_secure(scope: Scope) -> Scope:
    # The policy of the bucket that `sam deploy` makes denies every request that came without TLS.
    if scope["type"] != "http":
        return scope
    return {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
