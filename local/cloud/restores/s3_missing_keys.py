"""Without the permission to list a bucket, a missing key is answered with AccessDenied, not NoSuchKey.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (Permissions)
"""

from urllib.parse import unquote

from service_requests import Reply, Serve, ServiceRequest, around_requests


def restore() -> None:
    around_requests(_discreet)


async def _discreet(serve: Serve, request: ServiceRequest) -> Reply:
    reply = await serve()
    if request.method != "GET" or reply[0] != 404 or b"<Code>NoSuchKey</Code>" not in bytes(reply[2] or b""):
        return reply
    bucket = unquote(request.path.lstrip("/").split("/", 1)[0])
    return request.denial("s3:ListBucket", f"arn:aws:s3:::{bucket}") or reply
