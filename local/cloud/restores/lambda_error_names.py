"""A function that throws is reported under the name of its error, so that Retry and Catch can tell errors apart.

The reply of a failed Node.js function holds `errorType` (the error's `name`), `errorMessage` and
`trace`. A throttled invocation is `Lambda.TooManyRequestsException` to Step Functions.

https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from ministack.core import lambda_runtime
from ministack.services import lambda_svc, stepfunctions
from rewrite import rewrite
from upstream import replaced_text

_REJECTED = 'status: "error", error: String(err.message || err), trace: err.stack || ""'
_REJECTED_NAMED = (
    'status: "error", error: err instanceof Error ? err.message : String(err), trace: err.stack || "", '
    "error_type: err instanceof Error ? err.name : typeof err"
)
_THROWN = 'status: "error", error: e.message, trace: e.stack'
_THROWN_NAMED = (
    'status: "error", error: e instanceof Error ? e.message : String(e), trace: (e && e.stack) || "", '
    "error_type: e instanceof Error ? e.name : typeof e"
)


def restore() -> None:
    script = replaced_text(lambda_runtime._NODEJS_WORKER_SCRIPT, _REJECTED, _REJECTED_NAMED)
    lambda_runtime._NODEJS_WORKER_SCRIPT = replaced_text(script, _THROWN, _THROWN_NAMED)
    rewrite(
        lambda_svc,
        "_execute_function_warm",
        ('error_type = "Runtime.HandlerError"\n', 'error_type = result.get("error_type") or "Runtime.HandlerError"\n'),
        (
            '"errorType": error_type,\n',
            '"errorType": error_type,\n                    "trace": (result.get("trace") or "").splitlines(),\n',
        ),
    )
    rewrite(
        stepfunctions,
        "_call_lambda",
        (
            '    if result.get("error"):\n',
            '    if result.get("throttle"):\n'
            '        raise _ExecutionError("Lambda.TooManyRequestsException", result["body"]["message"])\n'
            '    if result.get("error"):\n',
        ),
    )
