"""`POST service-events`: emits events as an AWS service, which PutEvents rightly refuses to do."""

import json
from typing import Any

from admin import BadRequest
from events import deliver


def _publish(body: dict[str, Any]) -> dict[str, Any]:
    account, region, entries = body["account"], body["region"], body["entries"]
    if not (isinstance(account, str) and len(account) == 12 and account.isdigit()):
        raise BadRequest("account must be 12 digits")
    for entry in entries:
        detail = entry.get("detail", {})
        text = detail if isinstance(detail, str) else json.dumps(detail)
        deliver(entry["source"], entry["detailType"], entry.get("resources", []), text, account, region)
    return {"published": len(entries)}


ROUTES = {("POST", "service-events"): _publish}
