"""In a registry with enhanced scanning, findings are read with the caller's rights on Amazon Inspector too.

ECR asks Inspector in the caller's name. AWS's refusal names the action of Inspector that is missing. The guide lists the
three actions for users of enhanced scanning; it does not say which of them DescribeImageScanFindings requires, so
all three are asked for here.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-iam.html
https://github.com/alexjurkiewicz/ecr-scan-image/issues/19
"""

from registry import registry
from service_requests import Reply, Serve, ServiceRequest, around_requests

_ACTIONS = ("inspector2:ListFindings", "inspector2:ListCoverage", "inspector2:ListAccountPermissions")


def restore() -> None:
    around_requests(_checked)


async def _checked(serve: Serve, request: ServiceRequest) -> Reply:
    if request.is_for("AmazonEC2ContainerRegistry", "DescribeImageScanFindings") and registry().scan_type == "ENHANCED":
        for action in _ACTIONS:
            denied = request.denial(action, "*", service="ecr")
            if denied:
                return denied
    return await serve()
