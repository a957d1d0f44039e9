"""Every log line of an invocation is in its log, and an invocation without output returns at once.

ministack waits 50 ms for a first line and 5 ms for each further one. Here the process marks the
end of its output instead, and writes nothing to the log by itself.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
"""

import queue
import time

from ministack.core import lambda_runtime
from upstream import pinned, replaced_text

_MARK = "\x1epatchwave: end of the invocation's output"
# A process whose pipe is full or that died never writes its mark.
_LONGEST_WAIT_SECONDS = 1.0

_REPLY = "const _realStdoutWrite = process.stdout.write.bind(process.stdout);\n"
_STDERR = "const _stderrWrite = process.stderr.write.bind(process.stderr);\n"
_MARKED_REPLY = f"""
const _plainReply = process.stdout.write.bind(process.stdout);
const _realStdoutWrite = (text) => {{
  if (text.startsWith('{{"status":"ready"')) return _plainReply(text);
  _stderrWrite({_MARK!r} + "\\n", () => _plainReply(text));
}};
"""


def restore() -> None:
    script = replaced_text(lambda_runtime._NODEJS_WORKER_SCRIPT, _REPLY, "")
    # Node.js warns about `url.parse` on the function's own standard error.
    script = replaced_text(script, "const parsed = url.parse(endpoint);", "const parsed = new URL(endpoint);")
    lambda_runtime._NODEJS_WORKER_SCRIPT = replaced_text(script, _STDERR, _STDERR + _MARKED_REPLY)
    pinned(lambda_runtime.Worker._drain_stderr_bounded, "3fd7cc742872")
    lambda_runtime.Worker._drain_stderr_bounded = _until_the_mark


def _until_the_mark(worker: lambda_runtime.Worker) -> str:
    lines: list[str] = []
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = worker._stderr_queue.get(timeout=left if worker._proc is not None else 0.005)
        except queue.Empty:
            break
        if line == _MARK:
            break
        lines.append(line)
    return "\n".join(lines)
