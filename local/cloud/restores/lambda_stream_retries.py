"""A batch of a DynamoDB stream that fails is split, tried again, and given up to the OnFailure destination.

By BisectBatchOnFunctionError, MaximumRetryAttempts and, with ReportBatchItemFailures, from the
first record the function names. Without them a poison record would block its stream for ever.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from dataclasses import dataclass
from typing import Any

from ministack.services import dynamodb, lambda_svc
from rewrite import rewrite
from upstream import pinned

_ESM_BACKOFF_SECONDS = 0.25


@dataclass
class _Trouble:
    """The failing part of a stream: up to where batches stay small, how small, and the tries of the batch at a position."""

    until: int
    size: int
    position: int
    retries: int = 0


_troubles: dict[str, _Trouble] = {}


def restore() -> None:
    pinned(lambda_svc._send_ddb_stream_failure_record, "0efd5f5ffe2d")
    lambda_svc._ESM_BACKOFF_SECONDS = _ESM_BACKOFF_SECONDS
    lambda_svc._patchwave_batch_size = _batch_size
    lambda_svc._patchwave_next_position = _next_position
    rewrite(
        lambda_svc,
        "_poll_dynamodb_streams",
        ('batch_size = esm.get("BatchSize", 100)\n', "batch_size = _patchwave_batch_size(esm, pos)\n"),
        (
            "            result = _execute_function(func_rec, event)\n\n            if result",
            "            result = _execute_function(func_rec, event)\n"
            "            following = _patchwave_next_position(esm, func_rec, table_name, pos, raw_len, batch, result)\n"
            "            if following != pos + raw_len or result.get('error'):\n"
            "                with _dynamodb_stream_positions_lock:\n"
            "                    _dynamodb_stream_positions[esm_id] = following\n"
            "                esm['LastProcessingResult'] = 'PROBLEM: Function call failed'\n"
            "                if following == pos:\n"
            "                    _esm_backoff_until[esm_id] = time.time() + _ESM_BACKOFF_SECONDS\n"
            "                processed_any = processed_any or following != pos\n"
            "                continue\n\n            if result",
        ),
    )


def _batch_size(mapping: dict[str, Any], position: int) -> int:
    trouble = _troubles.get(mapping["UUID"])
    if trouble and position >= trouble.until:
        del _troubles[mapping["UUID"]]
        trouble = None
    return trouble.size if trouble else mapping.get("BatchSize", 100)


def _next_position(
    mapping: dict[str, Any], function: dict[str, Any], table: str, position: int, read: int,
    batch: list[dict[str, Any]], result: dict[str, Any],
) -> int:  # fmt: skip
    """Where the stream is read next, after the batch of `read` records at `position` (fewer after filters)."""
    end = position + read
    failed_at = _first_failure(mapping, table, position, read, result)
    if failed_at is None:
        return end
    if failed_at > position:
        # What came before the named record is done; the rest is tried from there.
        _troubles[mapping["UUID"]] = _Trouble(end, end - failed_at, failed_at)
        return failed_at
    trouble = _troubles.get(mapping["UUID"])
    if trouble is None or trouble.position != position or trouble.size < read:
        until = max(end, trouble.until if trouble else 0)
        trouble = _troubles[mapping["UUID"]] = _Trouble(until, read, position)
    if mapping.get("BisectBatchOnFunctionError") and read > 1:
        # Splitting does not count as a retry.
        trouble.size = (read + 1) // 2
        return position
    most = mapping.get("MaximumRetryAttempts", -1)
    if most is None or most < 0 or trouble.retries < most:
        trouble.retries += 1
        return position
    arn = mapping["EventSourceArn"]
    lambda_svc._send_ddb_stream_failure_record(mapping, function, batch, arn, result, "RetryAttemptsExhausted")
    return end


def _first_failure(mapping: dict[str, Any], table: str, position: int, read: int, result: dict[str, Any]) -> int | None:
    """The position of the first record that failed; None when all succeeded."""
    if result.get("error"):
        return position
    answer = result.get("body")
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []) or not isinstance(answer, dict):
        return None
    named = [failure.get("itemIdentifier") for failure in answer.get("batchItemFailures") or []]
    if not named:
        return None
    records = dynamodb.stream_records_since(table, position, read)
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    # A name that is no record's is a failure of the whole batch.
    return position + min((numbers.index(name) if name in numbers else 0) for name in named)
