"""Seeded faults: throttled, failing and slow calls; lost, doubled, late and reordered events.

A fault is a pure function of the seed, the request without what differs from run to run, and how
often such a request was seen, never of time: the same seed makes the same faults again, for the same
number of requests.
"""

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from calls import Call

# What differs from run to run without meaning anything: identifiers, instants, random names and revisions, and digests,
# because an image holds the instant of its build.
_VOLATILE = re.compile(
    r"\b[0-9a-f]{64}\b"
    r"|\b\d{8}T\d{9}Z-[0-9a-f]{8,}"
    r"|\becs-svc/[0-9a-f]+"
    r"|\b[0-9a-f]{8}-[0-9a-f]{3}\b"
    r"|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?"
    r"|\b1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?\b"
    r"|\b[0-9a-f]{32}\b"
    r"|\b\d+\.\d{6,}\b"
)


@dataclass(frozen=True)
class EventFaults:
    """Shares of the events of AWS services, 0 to 1 each. Late and reordered events wait up to `late_ms`."""

    lost: float = 0
    doubled: float = 0
    late: float = 0
    reordered: float = 0
    late_ms: float = 500


@dataclass(frozen=True)
class Kill:
    """The `nth` call of an operation by a function is its last: it dies before the call is made, or after."""

    function: str
    operation: str
    nth: int = 1
    after: bool = False


@dataclass(frozen=True)
class Faults:
    """Shares are 0 to 1. `principals` is `roles`, `all` or a set of names; `operations` None means every one."""

    seed: int = 0
    throttle_rate: float = 0
    failure_rate: float = 0
    after_rate: float = 0
    latency_ms: float = 0
    principals: str | frozenset[str] = "roles"
    operations: frozenset[str] | None = None
    events: EventFaults = field(default_factory=EventFaults)
    kills: tuple[Kill, ...] = ()


@dataclass(frozen=True)
class CallFate:
    """What happens to one call.

    `after` means that the call is executed and only its reply is lost; `variant`, 0 or 1, chooses
    between the errors of a service that has two for the same thing.
    """

    throttle: bool = False
    fail: bool = False
    after: bool = False
    delay_seconds: float = 0
    variant: int = 0


@dataclass(frozen=True)
class EventFate:
    """When the copies of one event arrive, in seconds from now; none for a lost one."""

    delays_seconds: tuple[float, ...] = (0,)


class FaultPlan:
    """The faults of one `PUT faults`, with the counts of what was seen since."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._seen: Counter[str] = Counter()
        self._calls: Counter[Kill] = Counter()
        self._events: Counter[tuple[str, str, str, str]] = Counter()
        self._lock = threading.Lock()

    def fate_of_call(self, call: Call, body: bytes) -> CallFate:
        faults = self.faults
        if not self._concerns(call):
            return CallFate()
        identity = f"{call.account}/{call.region}/{call.service}/{call.operation}/{_stable(body)}"
        draw = self._draws(identity)
        throttle = draw("throttle") < faults.throttle_rate
        fail = not throttle and draw("fail") < faults.failure_rate
        return CallFate(
            throttle=throttle,
            fail=fail,
            after=fail and draw("after") < faults.after_rate,
            delay_seconds=draw("latency") * faults.latency_ms / 1000,
            variant=int(draw("variant") * 2),
        )

    def kill_of(self, operation: str, caller: str) -> Kill | None:
        """The kill that this call of a function is, if it is one."""
        for kill in self.faults.kills:
            if (kill.function, kill.operation) != (caller, operation):
                continue
            with self._lock:
                self._calls[kill] += 1
                if self._calls[kill] == kill.nth:
                    return kill
        return None

    def kills_made(self) -> int:
        with self._lock:
            return sum(self._calls[kill] >= kill.nth for kill in self.faults.kills)

    def fate_of_event(self, source: str, detail_type: str, detail: str) -> EventFate:
        events = self.faults.events
        draw = self._draws(f"{source}/{detail_type}/{_stable(_without_output(detail).encode())}")

        def made(what: str) -> None:
            with self._lock:
                self._events[what, source, detail_type, _about(detail)] += 1

        if draw("lost") < events.lost:
            made("lost")
            return EventFate(())
        delay = 0.0
        if draw("late") < events.late:
            made("late")
            delay = events.late_ms / 1000
        elif draw("reordered") < events.reordered:
            made("reordered")
            delay = draw("wait") * events.late_ms / 1000
        if draw("doubled") < events.doubled:
            made("doubled")
            return EventFate((delay, delay + draw("again") * events.late_ms / 1000))
        return EventFate((delay,))

    def events_made(self) -> list[dict[str, str | int]]:
        """The events that were lost, doubled or delayed, counted by what they are about."""
        with self._lock:
            counts = sorted(self._events.items())
        return [
            {"what": what, "source": source, "detailType": detail_type, "about": about, "count": count}
            for (what, source, detail_type, about), count in counts
        ]

    def _concerns(self, call: Call) -> bool:
        principals, operations = self.faults.principals, self.faults.operations
        if operations is not None and call.operation not in operations:
            return False
        if principals == "all":
            return True
        return call.by_role if principals == "roles" else call.principal in principals

    def _draws(self, identity: str) -> Callable[[str], float]:
        """Draws numbers in [0, 1) for one sighting of one request, one per word."""
        key = hashlib.sha256(identity.encode()).hexdigest()
        with self._lock:
            self._seen[key] += 1
            times = self._seen[key]

        def draw(word: str) -> float:
            raw = hashlib.sha256(f"{self.faults.seed}/{key}/{times}/{word}".encode()).digest()
            return int.from_bytes(raw[:7], "big") / 2**56

        return draw


# What an event is about, the first field of these that its detail has.
_ABOUT = ("repository-name", "pipeline", "group", "name")


# The output of an execution counts its polls, which depend on time.
_OUTPUT = re.compile(r'"output": "(?:[^"\\]|\\.)*"')


def _without_output(detail: str) -> str:
    return _OUTPUT.sub('"output": null', detail)


def _about(detail: str) -> str:
    try:
        fields = json.loads(detail)
    except ValueError:
        return ""
    found = (fields[name] for name in _ABOUT if isinstance(fields, dict) and isinstance(fields.get(name), str))
    return _stable(next(found, "").encode())


def _stable(body: bytes) -> str:
    return _VOLATILE.sub("*", body.decode("utf-8", "replace"))


current: FaultPlan | None = None


def use(faults: Faults | None) -> None:
    """Sets the faults from now on; None ends them."""
    global current
    current = FaultPlan(faults) if faults else None
