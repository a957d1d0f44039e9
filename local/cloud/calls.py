"""Counts what is asked of the cloud: one row per account, Region, service, operation and principal."""

import threading
from dataclasses import dataclass
from typing import Any

from ministack.core.iam_evaluator import find_iam_access_key_account, is_root_access_key
from ministack.services import sts


@dataclass(frozen=True)
class Call:
    """One request to a service. `principal` is the name of a role, or `user`, `root` or `anonymous`."""

    account: str
    region: str
    service: str
    operation: str
    principal: str

    @property
    def by_role(self) -> bool:
        return self.principal not in ("user", "root", "anonymous")


@dataclass
class Tally:
    count: int = 0
    throttled: int = 0
    failed: int = 0
    denied: int = 0


_tallies: dict[Call, Tally] = {}
_lock = threading.Lock()


def record(call: Call, *, throttled: bool = False, failed: bool = False, denied: bool = False) -> None:
    """Counts one call. Restores that call a service inside the process count it here too."""
    with _lock:
        tally = _tallies.setdefault(call, Tally())
        tally.count += 1
        tally.throttled += throttled
        tally.failed += failed
        tally.denied += denied


def rows() -> list[dict[str, Any]]:
    """All rows, in a stable order."""
    with _lock:
        found = [{**vars(call), **vars(tally)} for call, tally in _tallies.items()]
    order = ("service", "operation", "account", "region", "principal")
    return sorted(found, key=lambda row: [row[name] for name in order])


def clear() -> None:
    with _lock:
        _tallies.clear()


def principal_of(access_key: str) -> str:
    """Who signs with an access key: the role's name for a session, so that no session name splits a row."""
    if not access_key:
        return "anonymous"
    if session := sts._sessions.get(access_key):
        resource = str(session.get("Arn", "")).rpartition(":")[2].split("/")
        return resource[1] if resource[0] == "assumed-role" else "root"
    if is_root_access_key(access_key):
        return "root"
    return "user" if find_iam_access_key_account(access_key) else "anonymous"


def caller_of(access_key: str) -> str:
    """The session's name: of a function's own role it is the function's, and so are those that our functions take."""
    return str(sts._sessions.get(access_key, {}).get("Arn", "")).rpartition("/")[2]
