"""Changes a few lines inside a function of ministack, where wrapping it from outside cannot reach them."""

import inspect
import linecache
import textwrap
import types
from typing import Any

from partition import in_partition
from upstream import replaced_text

_sources: dict[types.FunctionType, str] = {}


def rewrite(owner: Any, name: str, *edits: tuple[str, str]) -> None:
    """Replaces each `(old, new)` text inside the function `name` of a module or class.

    Every `old` must occur exactly once, which pins the lines the edit relies on. The function object
    stays the same, so restores may rewrite and wrap one function in any order.
    """
    function = _innermost(getattr(owner, name))
    source = _sources.get(function) or in_partition(textwrap.dedent(inspect.getsource(function)))
    for old, new in edits:
        source = replaced_text(source, old, new)
    file = f"<{function.__module__}.{function.__qualname__}, restored>"
    # Known to linecache, so that a traceback shows the lines that ran.
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    made: dict[str, Any] = {}
    exec(compile(source, file, "exec"), function.__globals__, made)
    if function not in _sources:
        # Fingerprints look through `__wrapped__`, so they go on to see the first text.
        function.__wrapped__ = types.FunctionType(function.__code__, function.__globals__)  # type: ignore[attr-defined]
    function.__code__ = made[function.__name__].__code__
    _sources[function] = source


def _innermost(function: Any) -> types.FunctionType:
    while function not in _sources and hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function
