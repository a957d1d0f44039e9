"""Pages of a list, with a token that says where the next one starts."""

import base64
from collections.abc import Sequence
from typing import Any


class InvalidToken(Exception):
    """The token was not made by `page`."""


def page(rows: Sequence[Any], token: str | None, size: int) -> tuple[list[Any], str | None]:
    """The rows of one page, and the token of the next page or None after the last."""
    start = _start_of(token) if token else 0
    end = start + size
    return list(rows[start:end]), _token_of(end) if end < len(rows) else None


def _token_of(start: int) -> str:
    return base64.urlsafe_b64encode(f"from:{start}".encode()).decode()


def _start_of(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token.encode()).decode().removeprefix("from:"))
    except ValueError as error:
        raise InvalidToken(f"The token {token!r} is not valid") from error
