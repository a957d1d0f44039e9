"""What goes to the services of ministack, for restores that look at requests of any service."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import ministack.app as ministack_app
from upstream import wrap

Reply = tuple[int, dict[str, str], Any]


@dataclass(frozen=True)
class ServiceRequest:
    """One request as the dispatcher of ministack gets it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: dict[str, Any]
    request_id: str

    def denial(self, action: str, resource: str) -> Reply | None:
        """The reply to a caller whose policies do not allow the action on the resource; None where they do."""
        service = action.split(":", 1)[0]
        return ministack_app._enforce_data_plane(
            service, action, self.headers, self.query, self.request_id, resource_arn=resource
        )


Serve = Callable[[], Awaitable[Reply]]


def around_requests(handler: Callable[[Serve, ServiceRequest], Awaitable[Reply]]) -> None:
    """Puts a handler around all services; `Serve` gives the reply of whatever lies inside it."""

    async def handled(dispatch: Callable[..., Awaitable[Reply]], *arguments: Any) -> Reply:
        return await handler(lambda: dispatch(*arguments), ServiceRequest(*arguments))

    wrap(ministack_app, "_dispatch_service_request", "17e5ef6dcfa0", handled)
