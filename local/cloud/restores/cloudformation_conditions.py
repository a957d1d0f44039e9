"""A template's conditions may refer to pseudo parameters: `!Equals [!Ref AWS::Region, ...]`.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
"""

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import engine
from rewrite import rewrite


def restore() -> None:
    engine._pseudo_parameter = _pseudo_parameter
    rewrite(
        engine,
        "_evaluate_conditions",
        ("                return pname\n", "                return _pseudo_parameter(pname)\n"),
    )


def _pseudo_parameter(name: str) -> str:
    values = {
        "AWS::AccountId": get_account_id(),
        "AWS::Partition": "aws",
        "AWS::Region": get_region(),
        "AWS::URLSuffix": "amazonaws.com",
    }
    return values.get(name, name)
