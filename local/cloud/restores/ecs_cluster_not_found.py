"""Reading the tasks or services of a cluster that does not exist is an error, never an empty list.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
"""

from ministack.services import ecs
from operations import ApiError, Operation, Reply, Request, replace_in_ecs


def restore() -> None:
    replace_in_ecs("ListTasks", "4509b25d2bf8", _checked)
    replace_in_ecs("ListServices", "af561cbddaf2", _checked)
    replace_in_ecs("DescribeTasks", "c7057f1f0679", _checked)


def _checked(so_far: Operation) -> Operation:
    def operation(request: Request) -> Reply:
        cluster = ecs._clusters.get(ecs._resolve_cluster_name(request.get("cluster", "default")))
        if cluster is None or cluster["status"] != "ACTIVE":
            raise ApiError("ClusterNotFoundException", "Cluster not found.")
        return so_far(request)

    return operation
