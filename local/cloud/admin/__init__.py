"""The routes under `/_patchwave/`: what a test or the demo asks of the cloud that AWS has no call for.

One file per subject; each holds `ROUTES`, a dictionary from (method, name) to a function from the
request's JSON object to the reply's, which may be awaited. A `BadRequest` is answered with 400 and its message.
The routes ask for no credentials: the cloud listens on the loopback interface only.
"""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable
from typing import Any

Handler = Callable[[dict[str, Any]], Any]

PREFIX = "/_patchwave/"


class BadRequest(Exception):
    """The request's body is not what the route takes; the message names the field."""


def _routes() -> dict[tuple[str, str], Handler]:
    found: dict[tuple[str, str], Handler] = {}
    for module in pkgutil.iter_modules(__path__):
        found.update(importlib.import_module(f"{__name__}.{module.name}").ROUTES)
    return found


_found: dict[tuple[str, str], Handler] | None = None


async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers one request to an admin route."""
    global _found
    if _found is None:
        _found = _routes()
    handler = _found.get((scope["method"], scope["path"].removeprefix(PREFIX)))
    if handler is None:
        known = ", ".join(sorted(f"{method} {PREFIX}{name}" for method, name in _found))
        return await _reply(send, 404, {"message": f"No such route. Known: {known}."})
    try:
        body = json.loads(await _body(receive) or b"{}")
        if not isinstance(body, dict):
            raise BadRequest("the body must be a JSON object")
        answer = handler(body)
        if inspect.isawaitable(answer):
            answer = await answer
    except (BadRequest, json.JSONDecodeError) as error:
        return await _reply(send, 400, {"message": str(error)})
    except KeyError as error:
        return await _reply(send, 400, {"message": f"the field {error} is missing"})
    await _reply(send, 200, answer)


async def _body(receive: Any) -> bytes:
    chunks = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


async def _reply(send: Any, status: int, answer: Any) -> None:
    raw = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": raw})
