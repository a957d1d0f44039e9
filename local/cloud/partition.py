"""The partition of AWS that the embedded cloud is: ministack writes `aws` into hundreds of ARNs, ARN patterns and policies.

`become` is called before ministack is imported. From then on each module of ministack and of this folder is compiled from
its source with the other name in the place of `aws`. Fingerprints see the source as it was written.
"""

import os
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

_DEFAULT = "aws"
_HERE = os.path.dirname(os.path.abspath(__file__))
_NAMES = re.compile(
    r'(?<=\barn:)aws(?=:)|(?<="AWS::Partition": ")aws(?=")|(?<=partition [!=]= ")aws(?=")|(?<=partition=")aws(?=")'
)

_name = _DEFAULT


def become(name: str) -> None:
    """Makes the cloud one of this partition."""
    global _name
    _name = name
    if name != _DEFAULT:
        sys.meta_path.insert(0, _Finder())


def in_partition(source: str) -> str:
    """A source of Python with the name of the partition in its ARNs."""
    return source if _name == _DEFAULT else _NAMES.sub(_name, source)


class _Loader(SourceFileLoader):
    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        code: CodeType = super().source_to_code(in_partition(bytes(data).decode()), path, _optimize=_optimize)
        return code

    def path_stats(self, path: Any) -> Any:
        """No compiled file is read or written: it would be that of the other partition."""
        raise OSError


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or not isinstance(spec.loader, SourceFileLoader) or not spec.origin:
            return None
        is_ours = os.path.abspath(spec.origin).startswith(_HERE + os.sep)
        if is_ours or fullname.split(".", 1)[0] == "ministack":
            spec.loader = _Loader(fullname, spec.origin)
            return spec
        return None
