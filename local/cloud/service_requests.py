"""The requests to the services of ministack, for restores that handle requests of any service."""

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

    def is_for(self, service: str, operation: str) -> bool:
        """Whether this calls the operation of a JSON service, whose `X-Amz-Target` begins with the name of the service."""
        target = self.headers.get("x-amz-target", "")
        return target.startswith(service) and target.endswith(f".{operation}")

    def denial(
        self, action: str, resource: str, *, service: str | None = None, context: dict[str, Any] | None = None
    ) -> Reply | None:
        """The reply to a caller whose policies do not allow the action on the resource; None where they do.

        `service` answers, where it is another one than that of the action; `context` has the condition keys of the request.
        """
        return ministack_app._enforce_data_plane(
            service or action.split(":", 1)[0], action, self.headers, self.query, self.request_id,
            resource_arn=resource, service_context=context,
        )  # fmt: skip


Serve = Callable[[], Awaitable[Reply]]


def around_requests(handler: Callable[[Serve, ServiceRequest], Awaitable[Reply]]) -> None:
    """Puts a handler around all services; `Serve` gives the reply of the inner handler."""

    async def handled(dispatch: Callable[..., Awaitable[Reply]], *arguments: Any) -> Reply:
        return await handler(lambda: dispatch(*arguments), ServiceRequest(*arguments))

    wrap(ministack_app, "_dispatch_service_request", "17e5ef6dcfa0", handled)
