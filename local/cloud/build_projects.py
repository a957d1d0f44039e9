"""What a build of a project in CodeBuild is given: its environment, and a session of the service role of the project.

The pipeline must be allowed to read its source, to store and encrypt the artifact of it and to start the build, and the
service role, which CodeBuild must be allowed to take, to read that artifact; otherwise the build is `denied`. The artifact
itself is not stored. Its key begins with the first 20 characters of the name of the pipeline.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
https://repost.aws/questions/QUI91tw7A9SUOMohJurNqmgA/code-pipeline-truncates-folder-names-in-output-artifact-s-3-bucket
"""

from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import codebuild
from pipeline_model import Pipeline, ProjectBuild
from service_roles import UntrustedRole, denial_for_role, service_session

# An action and the resource that it is called on.
Call = tuple[str, str]

_LONGEST_FOLDER, _LONGEST_ARTIFACT = 20, 10


def described(pipeline: Pipeline, build: ProjectBuild) -> dict[str, Any]:
    """The build of a pipeline as the builder takes it."""
    name, account, region = build.project, pipeline.account, pipeline.region
    project = codebuild._projects.get_scoped(account, region, name)
    arn = f"arn:aws:codebuild:{region}:{account}:project/{name}"
    if project is None:
        return {"denied": f"The project {arn} does not exist"}
    own, read = _calls(pipeline, build, arn)
    if denied := _denial(build.pipeline_role, "codepipeline.amazonaws.com", own, account):
        return {"denied": denied}
    role, service = project["serviceRole"], "codebuild.amazonaws.com"
    try:
        credentials = service_session(role, service, {"aws:sourceaccount": account})
    except UntrustedRole as error:
        return {"denied": str(error)}
    if denied := _denial(role, service, read, account):
        return {"denied": denied}
    declared = [*project["environment"].get("environmentVariables", []), *build.environment]
    return {
        "project": name, "credentials": credentials, "source": build.source, "sourceNamespace": build.source_namespace,
        # A variable of the action takes the place of the project's.
        "environment": {each["name"]: each["value"] for each in declared},
        "buildSpec": project["source"].get("buildspec", ""),
    }  # fmt: skip


def _calls(pipeline: Pipeline, build: ProjectBuild, project: str) -> tuple[list[Call], list[Call]]:
    """What the pipeline calls until the build runs, and what the project calls for its source."""
    connection = build.source["ConnectionArn"]
    folder, artifact = pipeline.name[:_LONGEST_FOLDER], build.artifact[:_LONGEST_ARTIFACT]
    stored = f"arn:aws:s3:::{build.bucket}/{folder}/{artifact}/{new_uuid()[:7]}"
    own = [(f"{connection.split(':')[2]}:UseConnection", connection), ("s3:PutObject", stored)]
    read = [("s3:GetObject", stored)]
    if build.key:
        own.append(("kms:GenerateDataKey", build.key))
        read.append(("kms:Decrypt", build.key))
    own += [("codebuild:StartBuild", project), ("codebuild:BatchGetBuilds", project)]
    return own, read


def _denial(role: str, service: str, calls: list[Call], account: str) -> str | None:
    """The message of the first call that is refused."""
    context = {"aws:sourceaccount": account}
    denials = (denial_for_role(role, service, action, resource, context) for action, resource in calls)
    return next((denial for denial in denials if denial), None)
