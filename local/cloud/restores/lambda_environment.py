"""A function finds the environment variables that AWS sets for every Node.js function.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from typing import Any

from ministack.core import lambda_runtime
from rewrite import rewrite


def restore() -> None:
    lambda_runtime._patchwave_environment = runtime_environment
    rewrite(
        lambda_runtime.Worker,
        "_spawn",
        (
            '    spawn_env.setdefault("_LAMBDA_TIMEOUT", str(self.config.get("Timeout", 30)))\n',
            '    spawn_env.setdefault("_LAMBDA_TIMEOUT", str(self.config.get("Timeout", 30)))\n'
            "    spawn_env.update(_patchwave_environment(self.config))\n",
        ),
    )


def runtime_environment(config: dict[str, Any]) -> dict[str, str]:
    """What ministack does not set by itself, for the function with this configuration."""
    log_group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
        "_HANDLER": config["Handler"],
    }
