"""Instants of ECS have milliseconds.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
"""

from datetime import datetime
from typing import Any

from ministack.services import ecs
from upstream import pinned


def restore() -> None:
    pinned(ecs._ts_to_epoch, "85ecc4ae4582")
    ecs._ts_to_epoch = _epoch_seconds


def _epoch_seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return value
