"""DescribeImages gives the instant of a push to the millisecond; ministack cuts it down to the second.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
"""

from ministack.services import ecr
from rewrite import rewrite

_SECOND = '"imagePushedAt": int(time.time()),'
_MILLISECOND = '"imagePushedAt": time.time_ns() // 1_000_000 / 1000,'


def restore() -> None:
    rewrite(ecr, "_put_image", (_SECOND, _MILLISECOND))
    rewrite(ecr, "_v2_put_manifest", (_SECOND, _MILLISECOND))
