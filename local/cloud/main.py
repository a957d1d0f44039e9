"""Starts the embedded cloud: ministack, with the AWS behaviours in `restores/` put back.

Prints one JSON line, `{"endpoint": ..., "pid": ...}`, once it accepts requests. Stops when its
standard input ends, so that it can never outlive the process that started it, and on SIGTERM.
"""

import argparse
import gc
import json
import os
import shutil
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

# What a Lambda worker would inherit from the machine is dropped; these are what the operating system itself needs.
_KEPT_VARIABLES = ("SYSTEMROOT", "COMSPEC", "PATHEXT", "LANG", "LC_ALL", "TZ")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="the only folder written to, but for the log")
    parser.add_argument("--remove-state", action="store_true", help="remove the state folder at the end")
    parser.add_argument("--log", type=Path, help="left out: cloud.log in the state folder")
    parser.add_argument("--hub-account", required=True, help="12 digits; the account of unsigned requests")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--node", type=Path, help="the Node.js that runs functions")
    parser.add_argument("--partition", default="aws", help="the partition of AWS that this cloud is, such as aws-us-gov")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="a restore to leave out")
    return parser.parse_args()


def scrub_environment(arguments: argparse.Namespace, port: int) -> None:
    """Leaves nothing of this machine in the environment, because every Lambda worker inherits it.

    The settings are read by ministack when it is imported, so this runs before.
    """
    state = str(arguments.state_dir)
    scratch = arguments.state_dir / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("PATH", "")
    if arguments.node:
        path = f"{arguments.node.parent}{os.pathsep}{path}"
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update({
        "PATH": path, "HOME": state, "USERPROFILE": state,
        "TMPDIR": str(scratch), "TMP": str(scratch), "TEMP": str(scratch),
        "AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": arguments.hub_account, "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        # No container engine is ever looked for: tasks are records, functions are processes.
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
    })  # fmt: skip


def redirect_output(log: Path) -> int:
    """Sends standard output and error to the log; returns the descriptor of the real standard output."""
    real_stdout = os.dup(1)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    return real_stdout


def watch_standard_input(stop: Callable[[], None]) -> None:
    """Calls `stop` when the parent closes our standard input, which the system also does when the parent dies.

    A parent that says `keep` first lets go of us: from then on only SIGTERM ends us.
    """

    def wait() -> None:
        said = b""
        while piece := os.read(0, 4096):
            said += piece
        if said.strip() != b"keep":
            stop()

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()


def end(arguments: argparse.Namespace) -> NoReturn:
    """Ends at once: an execution that sleeps in a thread must not keep the process alive."""
    from ministack.core import lambda_runtime

    lambda_runtime.reset()
    if arguments.remove_state:
        shutil.rmtree(arguments.state_dir, ignore_errors=True)
    os._exit(0)


def main() -> None:
    arguments = parse_arguments()
    arguments.state_dir = arguments.state_dir.resolve()
    arguments.state_dir.mkdir(parents=True, exist_ok=True)
    listener = socket.create_server(("127.0.0.1", arguments.port), backlog=1024)
    port = listener.getsockname()[1]
    scrub_environment(arguments, port)
    real_stdout = redirect_output(arguments.log or arguments.state_dir / "cloud.log")

    from partition import become

    become(arguments.partition)

    import ministack.app as ministack_app
    import restores
    from callers import know_callers
    from ecs_tasks import watch_tasks
    from expressions import remember_expressions
    from gateway import gateway
    from placement import place_invocations
    from server import serve
    from traffic import watch_traffic
    from workflow_traffic import watch_workflows

    watch_traffic()
    watch_workflows()
    watch_tasks()
    place_invocations()
    remember_expressions()
    know_callers()
    restores.restore_all(without=frozenset(arguments.without))
    # The state of a large fleet is millions of objects that all stay; looking for garbage in them is most of the time.
    gc.set_threshold(200_000, 20, 1_000)

    def announce() -> None:
        line = json.dumps({"endpoint": f"http://127.0.0.1:{port}", "pid": os.getpid()})
        os.write(real_stdout, f"{line}\n".encode())
        os.close(real_stdout)

    try:
        serve(gateway(ministack_app, announce), listener, watch_standard_input)
    finally:
        end(arguments)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        print(f"The embedded cloud did not start: {error!r}", file=sys.stderr)
        raise
