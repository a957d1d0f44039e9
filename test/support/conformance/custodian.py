"""Filters resources by policies of Cloud Custodian, without a call of AWS.

Standard input: JSON with `policies` and `resources`. Standard output: JSON with the ids of the resources that each policy finds.
"""

import json
import sys
import tempfile

from c7n.config import Config
from c7n.policy import PolicyCollection
from c7n.resources import load_resources

RESOURCE = "aws.ecs-task"

document = json.load(sys.stdin)
load_resources((RESOURCE, "aws.ecs-task-definition"))
with tempfile.TemporaryDirectory() as folder:
    options = Config.empty(region="eu-west-1", account_id="444455556666", output_dir=folder)
    found = {}
    for policy in PolicyCollection.from_data({"policies": document["policies"]}, options):
        policy.validate()
        if policy.resource_type == RESOURCE:
            # The filters add fields of their own.
            resources = json.loads(json.dumps(document["resources"]))
            found[policy.name] = [one["taskArn"] for one in policy.resource_manager.filter_resources(resources)]
json.dump(found, sys.stdout)
