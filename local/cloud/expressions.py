"""Parses an expression of DynamoDB once. ministack parses it anew for each item of a partition that is asked for."""

import functools
from typing import Any

from ministack.services import dynamodb
from upstream import pinned

# Values are placeholders in them, so a program has few.
_REMEMBERED = 1_000


def remember_expressions() -> None:
    """Puts this in the place of the two parts of ministack that depend on nothing but the text."""
    tokenize = pinned(dynamodb._tokenize, "6abb13395c3e")
    syntax_error = pinned(dynamodb._condition_syntax_error, "5213f1ffac34")

    @functools.lru_cache(_REMEMBERED)
    def tokens_of(expression: str) -> tuple[Any, ...]:
        return tuple(tokenize(expression))

    @functools.wraps(tokenize)
    def tokenized(expr: str) -> list[Any]:
        # A copy, because the evaluation may modify the list.
        return list(tokens_of(expr))

    dynamodb._tokenize = tokenized
    dynamodb._condition_syntax_error = functools.wraps(syntax_error)(functools.lru_cache(_REMEMBERED)(syntax_error))
