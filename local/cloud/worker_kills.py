"""Kills the execution environments of a function, as a crash of the runtime does: nothing of it runs any further.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from ministack.core import lambda_runtime


def kill_environments(function: str) -> None:
    """All of a function's, because a call does not show which of them made it. The next invocation starts a new one."""
    with lambda_runtime._lock:
        workers = [worker for key, pool in lambda_runtime._workers.items() if _function_of(key) == function for worker in pool]
    for worker in workers:
        process = worker._proc
        if process is not None and process.poll() is None:
            process.kill()


def _function_of(worker_key: str) -> str:
    # account:region:function:qualifier
    return worker_key.split(":")[2]
