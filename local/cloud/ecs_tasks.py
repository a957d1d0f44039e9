"""Tells restores of tasks that start, and keeps tasks findable when there are tens of thousands.

ministack walks all tasks of an account at every start of one. Here its store of tasks is kept by
service and by cluster as well, and the walks that concern one of them see that one only.
"""

import contextvars
import functools
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region, json_response
from ministack.services import ecs
from operations import ApiError, Operation, Reply, Request, json_of, replace_in_ecs
from request_pages import page_of
from upstream import pinned

Task = dict[str, Any]
# Called with the tasks and the request, before anyone sees the tasks; may change them.
Listener = Callable[[list[Task], Request], None]

_preparers: list[Listener] = []
_observers: list[Listener] = []


def on_task_start(prepare: Listener | None = None, observe: Listener | None = None) -> None:
    """`prepare` completes tasks that start, `observe` sees them complete. Both hold for services and RunTask."""
    _preparers.extend([prepare] if prepare else [])
    _observers.extend([observe] if observe else [])


_narrowed: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar("narrowed", default=None)
_describing: contextvars.ContextVar[bool] = contextvars.ContextVar("describing", default=False)


@contextmanager
def only(cluster_arn: str, group: str = "") -> Iterator[None]:
    """Inside, walks over the store of tasks see one cluster, or one group of a cluster."""
    token = _narrowed.set((cluster_arn, group))
    try:
        yield
    finally:
        _narrowed.reset(token)


class TaskStore(AccountRegionScopedDict):
    """ministack's dictionary of tasks by ARN, with what is asked for most often kept apart."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        super().__init__()
        self._parts: dict[tuple[str, str], dict[str, Task]] = defaultdict(dict)

    def __setitem__(self, arn: str, task: Task) -> None:
        super().__setitem__(arn, task)
        for part in ((task["clusterArn"], ""), (task["clusterArn"], task["group"])):
            self._parts[part][arn] = task

    def values(self) -> list[Task]:
        part = _narrowed.get()
        return super().values() if part is None else list(self._parts[part].values())

    def items(self) -> list[tuple[str, Task]]:
        part = _narrowed.get()
        return super().items() if part is None else list(self._parts[part].items())

    def everywhere(self) -> list[tuple[str, Task]]:
        """The tasks of all accounts and Regions, each with its account."""
        return [(account, task) for (account, _, _), task in list(self._data.items())]


def watch_tasks() -> None:
    """Puts the store and the watch in place."""
    ecs._tasks = TaskStore()
    _narrow_walks()
    run_task = pinned(ecs._run_task, "6e96d8f5a5b8")

    @functools.wraps(run_task)
    def run_and_tell(request: Request) -> Reply:
        reply = run_task(request)
        if reply[0] != 200:
            return reply
        answer = json_of(reply)
        tasks = [ecs._tasks[task["taskArn"]] for task in answer["tasks"]]
        for listener in (*_preparers, *_observers):
            listener(tasks, request)
        return json_response({**answer, "tasks": [ecs._sanitize(task) for task in tasks]})

    ecs._run_task = run_and_tell
    replace_in_ecs("RunTask", "6e96d8f5a5b8", lambda _: run_and_tell)
    # Upstream reads every task of the account, each under a lock, for every page.
    replace_in_ecs("ListTasks", "4509b25d2bf8", lambda _: _list_tasks)


def _narrow_walks() -> None:
    refresh = pinned(ecs._refresh_service_state, "5dcadfc2dcdd")
    reconcile = pinned(ecs._reconcile_service_tasks, "16e4d03cbf75")
    recount = pinned(ecs._recount_cluster, "3df63f5702ba")
    resolve = pinned(ecs._resolve_task, "8656d47efbba")

    @functools.wraps(refresh)
    def refresh_narrowed(cluster_name: str, group: str) -> None:
        with only(_cluster_arn(cluster_name), group):
            refresh(cluster_name, group)

    @functools.wraps(reconcile)
    def reconcile_narrowed(cluster_name: str, service_key: str) -> None:
        with only(_cluster_arn(cluster_name), f"service:{service_key.partition('/')[2]}"):
            reconcile(cluster_name, service_key)

    @functools.wraps(resolve)
    def resolve_directly(reference: str, cluster_name: str = "default") -> Task | None:
        by_arn = f"arn:aws:ecs:{get_region()}:{get_account_id()}:task/{cluster_name}/{reference.rpartition('/')[2]}"
        return ecs._tasks.get(by_arn) if cluster_name else None

    @functools.wraps(recount)
    def recount_when_asked(cluster_name: str) -> None:
        # The counts of a cluster are made when it is described, not at every start of a task.
        if _describing.get():
            with only(_cluster_arn(cluster_name)):
                recount(cluster_name)

    def describe_counted(so_far: Operation) -> Operation:
        def operation(request: Request) -> Reply:
            token = _describing.set(True)
            try:
                return so_far(request)
            finally:
                _describing.reset(token)

        return operation

    ecs._refresh_service_state = refresh_narrowed
    ecs._reconcile_service_tasks = reconcile_narrowed
    ecs._resolve_task = resolve_directly
    ecs._recount_cluster = recount_when_asked
    replace_in_ecs("DescribeClusters", "1a58e06797d7", describe_counted)


def _list_tasks(request: Request) -> Reply:
    name = ecs._resolve_cluster_name(request.get("cluster", "default"))
    if name is None:
        raise ApiError("ClusterNotFoundException", "Cluster not found.")
    service, family = request.get("serviceName"), request.get("family")
    status = request.get("desiredStatus", "RUNNING")
    with only(_cluster_arn(name), f"service:{service.rpartition('/')[2]}" if service else ""):
        found = [task for task in ecs._tasks.values() if task["desiredStatus"] == status]
    for member in ("startedBy", "launchType"):
        if request.get(member):
            found = [task for task in found if task.get(member) == request[member]]
    if family:
        found = [task for task in found if f"/{family}:" in task["taskDefinitionArn"]]
    tasks, token = page_of(found, request, default=100, maximum=100)
    return json_response({"taskArns": [task["taskArn"] for task in tasks], **token})


def _cluster_arn(name: str) -> str:
    return f"arn:aws:ecs:{get_region()}:{get_account_id()}:cluster/{name}"
