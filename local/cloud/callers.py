"""Tells who calls, and what they may do, without reading the same policies again for each call.

For every request ministack gathers and parses the policies of its caller twice: once to decide, and once only to know the
name of the caller. With some functions that call the ledger all the time this is a quarter of what a call takes here.
"""

import functools
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import _account_from_sts_session, get_account_id
from ministack.core.router import extract_access_key_id
from upstream import pinned

# One for each policy of each role of the stacks, and some more.
_REMEMBERED = 1_000


def know_callers() -> None:
    """Puts this in the place of the parts of ministack that read policies."""
    parse = pinned(iam_evaluator.parse_policy_document, "622a4f98a3ec")
    name = pinned(iam_evaluator.request_caller_arn, "12240eb881e7")
    parsed = functools.lru_cache(_REMEMBERED)(parse)

    @functools.wraps(parse)
    def parse_policy_document(doc: str | dict[str, Any]) -> list[Any]:
        # Statements are only read; the list is the caller's own.
        return list(parsed(doc)) if isinstance(doc, str) else parse(doc)

    @functools.wraps(name)
    def request_caller_arn(headers: dict[str, Any], query_params: dict[str, Any] | None = None) -> str:
        root = f"arn:aws:iam::{get_account_id()}:root"
        access_key = extract_access_key_id(headers or {}, query_params or {})
        if not access_key:
            return root
        account = _account_from_sts_session(access_key) or get_account_id()
        credential = iam_evaluator.resolve_credential(access_key, account)
        return getattr(credential, "principal_arn", "") or root

    iam_evaluator.parse_policy_document = parse_policy_document
    iam_evaluator.request_caller_arn = request_caller_arn
