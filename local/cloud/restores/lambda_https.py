"""A function that asks for HTTPS gets HTTPS, from every host and port: also from one on its own machine.

ministack sends requests for the gateway, on which it serves plain HTTP, without TLS. It takes each
port of the loopback interface for the gateway.

https://docs.aws.amazon.com/lambda/latest/dg/foundation-networking.html
"""

from ministack.core import lambda_runtime
from upstream import replaced_text

_ANY_PORT = (
    '    if (host === "127.0.0.1" || host === "localhost" || host === msHost\n'
    "        || (advertised && host === advertised)) {\n"
)
_PORT_OF_GATEWAY = (
    '    const isGateway = !options.port || ["443", String(msPort)].includes(String(options.port));\n'
    '    if (isGateway && (host === "127.0.0.1" || host === "localhost" || host === msHost\n'
    "        || (advertised && host === advertised))) {\n"
)


def restore() -> None:
    lambda_runtime._NODEJS_WORKER_SCRIPT = replaced_text(
        lambda_runtime._NODEJS_WORKER_SCRIPT, _ANY_PORT, _PORT_OF_GATEWAY
    )
