"""Guards every place where a restore replaces, wraps or rewrites a part of ministack.

A restore relies on the text it was written against. A different text is an error at start, never
a behaviour that changed in silence.

`python upstream.py ministack.services.ecr:_list_images ...` prints the fingerprints to pin.
"""

import functools
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

Wrapped = TypeVar("Wrapped", bound=Callable[..., Any])

_FINGERPRINT_LENGTH = 12


class UpstreamChanged(Exception):
    """A part of ministack is not the one a restore was written for."""


def fingerprint(subject: Any) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of the source of a function, a class or a text.

    Wrappers made with `functools.wraps` are looked through, so restores may share a function in any order.
    """
    text = subject if isinstance(subject, str) else inspect.getsource(subject)
    return hashlib.sha256(text.encode()).hexdigest()[:_FINGERPRINT_LENGTH]


def pinned(subject: Wrapped, sha256_prefix: str) -> Wrapped:
    """Returns the function or class itself, after checking that its source is the one expected."""
    found = fingerprint(subject)
    if found != sha256_prefix:
        raise UpstreamChanged(
            f"{_name_of(subject)} has the fingerprint {found}, not {sha256_prefix}: ministack changed. "
            "Read the new source, adapt the restore that names it, then update the fingerprint there."
        )
    return subject


def replaced_text(text: str, old: str, new: str) -> str:
    """The text with its one occurrence of `old` replaced; any other number of occurrences is an error."""
    occurrences = text.count(old)
    if occurrences != 1:
        raise UpstreamChanged(
            f"{old!r} occurs {occurrences} times, not once: ministack changed. "
            "Read the new text and adapt the restore that rewrites it."
        )
    return text.replace(old, new)


def wrap(module: Any, name: str, sha256_prefix: str, wrapper: Callable[..., Any]) -> None:
    """Puts `wrapper(original, *arguments)` in the place of the pinned function `name` of a module."""
    original = pinned(getattr(module, name), sha256_prefix)

    @functools.wraps(original)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        return wrapper(original, *arguments, **named)

    setattr(module, name, wrapped)


def _name_of(subject: Any) -> str:
    return f"{getattr(subject, '__module__', '')}.{getattr(subject, '__qualname__', repr(subject)[:60])}"


if __name__ == "__main__":
    for path in sys.argv[1:]:
        module_name, _, attribute = path.partition(":")
        found = functools.reduce(getattr, attribute.split("."), importlib.import_module(module_name))
        print(f"{fingerprint(found)}  {path}")
