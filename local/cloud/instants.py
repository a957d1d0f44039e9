"""Instants in the bodies of admin routes."""

from datetime import datetime

from admin import BadRequest


def instant(text: str, name: str) -> float:
    """Seconds since the epoch of an ISO 8601 instant with a zone."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, AttributeError) as error:
        raise BadRequest(f"{name} must be an ISO 8601 instant, not {text!r}") from error
    if moment.tzinfo is None:
        raise BadRequest(f"{name} must have a zone: {text!r}")
    return moment.timestamp()
