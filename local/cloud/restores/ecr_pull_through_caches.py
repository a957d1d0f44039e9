"""ECR lists the pull-through cache rules of a registry. No registry here has any, because nothing can make one.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribePullThroughCacheRules.html
"""

from ministack.core.responses import json_response
from operations import ApiError, Reply, Request, replace_in_ecr


def restore() -> None:
    replace_in_ecr("DescribePullThroughCacheRules", _describe)


def _describe(request: Request) -> Reply:
    named = request.get("ecrRepositoryPrefixes") or []
    if named:
        message = f"The pull through cache rule with prefix '{named[0]}' does not exist"
        raise ApiError("PullThroughCacheRuleNotFoundException", message)
    return json_response({"pullThroughCacheRules": []})
