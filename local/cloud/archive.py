"""What the distributions' package archives offer: the fix of every known vulnerability, and what is declared beside."""

from collections import defaultdict
from functools import cmp_to_key

from scanner import vulnerabilities
from scanner.versions import COMPARE

MANAGERS = {"debian": "dpkg", "alpine": "apk"}

_declared: dict[tuple[str, str | None], list[str]] = defaultdict(list)


def use(versions: list[tuple[str, str | None, str]]) -> None:
    """Replaces what is declared: package, distribution (None means every one) and version."""
    _declared.clear()
    for package, distribution, version in versions:
        _declared[package, distribution].append(version)


def newest(distribution: str, installed: dict[str, str]) -> dict[str, str]:
    """Those of the installed packages, by name, that have a newer version, with the newest one."""
    order = cmp_to_key(COMPARE[MANAGERS[distribution]])
    found = {}
    for package, version in installed.items():
        best = max([version, *_offered(package, distribution)], key=order)
        if order(best) != order(version):
            found[package] = best
    return found


def _offered(package: str, distribution: str) -> list[str]:
    fixes = vulnerabilities.fixes_of(package, distribution)
    return [*fixes, *_declared.get((package, None), ()), *_declared.get((package, distribution), ())]
