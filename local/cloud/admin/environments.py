"""`DELETE environments`: ends the execution environments of every function, as AWS does sooner or later by itself.

One that is at work ends when that is done. `PUT environments` gives a function more environment variables, in every version:
On AWS a published version cannot change, and a measurement must not change the deployment. `POST environments` tells the
environment variables of a function, the session of its role included, so that its code can run outside of the cloud as well.
"""

import asyncio
import os
from typing import Any

from admin import BadRequest
from ministack.core import lambda_runtime
from ministack.services import lambda_svc
from restores.lambda_environment import runtime_environment

_POLL_SECONDS = 0.05


async def _end(_: dict[str, Any]) -> dict[str, Any]:
    with lambda_runtime._lock:
        left = [worker for pool in lambda_runtime._workers.values() for worker in pool]
    while left:
        idle = _take_idle(left)
        # It waits for the processes to exit.
        await asyncio.to_thread(lambda_runtime.kill_workers, idle)
        left = [worker for worker in left if worker not in idle]
        if left:
            await asyncio.sleep(_POLL_SECONDS)
    return {}


def _take_idle(workers: list[Any]) -> list[Any]:
    """Removes unused environments from their pools, so that no invocation gets them any more."""
    with lambda_runtime._lock:
        idle = [worker for worker in workers if not worker.in_use]
        for key, pool in list(lambda_runtime._workers.items()):
            kept = [worker for worker in pool if worker not in idle]
            if kept:
                lambda_runtime._workers[key] = kept
            else:
                del lambda_runtime._workers[key]
    return idle


async def _set(body: dict[str, Any]) -> dict[str, Any]:
    for function in _named(body["function"]):
        for record in (function, *function.get("versions", {}).values()):
            environment = record["config"].setdefault("Environment", {})
            environment["Variables"] = {**environment.get("Variables", {}), **body["variables"]}
    return await _end({})


def _tell(body: dict[str, Any]) -> dict[str, Any]:
    config = _named(body["function"])[0]["config"]
    region = config["FunctionArn"].split(":")[3]
    return {
        "variables": {
            **config.get("Environment", {}).get("Variables", {}),
            **runtime_environment(config),
            **lambda_runtime.execution_credentials(config),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
            "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config["MemorySize"]),
            "_LAMBDA_FUNCTION_ARN": config["FunctionArn"],
            "_LAMBDA_TIMEOUT": str(config["Timeout"]),
        }
    }


def _named(name: str) -> list[dict[str, Any]]:
    functions = [function for (_, _, known), function in lambda_svc._functions._data.items() if known == name]
    if not functions:
        raise BadRequest(f"there is no function {name}")
    return functions


ROUTES = {("POST", "environments"): _tell, ("PUT", "environments"): _set, ("DELETE", "environments"): _end}
