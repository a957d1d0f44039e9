"""ItemBatcher hands several items to one child execution, at most so many or so many bytes, with a common input.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
"""

import json
from collections.abc import Iterator
from typing import Any

from distributed_map import Child, steps
from map_fields import Scope

_LARGEST_BATCH_BYTES = 262_144


def restore() -> None:
    steps.batch = _batches


def _batches(scope: Scope, items: list[Any]) -> list[Child]:
    batcher = scope.state.get("ItemBatcher")
    if batcher is None:
        return [Child(item, 1) for item in items]
    most_items = int(scope.number(batcher, "MaxItemsPerBatch") or len(items) or 1)
    most_bytes = scope.number(batcher, "MaxInputBytesPerBatch") or _LARGEST_BATCH_BYTES
    common = {"BatchInput": scope.evaluated(batcher["BatchInput"])} if "BatchInput" in batcher else {}
    return [Child({**common, "Items": batch}, len(batch)) for batch in _split(items, most_items, most_bytes)]


def _split(items: list[Any], most_items: int, most_bytes: float) -> Iterator[list[Any]]:
    batch: list[Any] = []
    batch_bytes = 0
    for item in items:
        item_bytes = len(json.dumps(item).encode())
        if batch and (len(batch) == most_items or batch_bytes + item_bytes > most_bytes):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(item)
        batch_bytes += item_bytes
    if batch:
        yield batch
