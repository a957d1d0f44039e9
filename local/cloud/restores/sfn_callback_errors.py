"""A task that waits for a token fails at once when the Lambda function it invokes fails.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

from ministack.services import stepfunctions
from rewrite import rewrite


def restore() -> None:
    rewrite(
        stepfunctions,
        "_invoke_with_callback",
        (
            "            _call_lambda(func_ref, lambda_payload)\n        except _ExecutionError:\n            pass\n",
            "            _call_lambda(func_ref, lambda_payload)\n        except _ExecutionError:\n"
            "            _task_tokens.pop(token, None)\n            raise\n",
        ),
    )
