"""What a build of a project in CodeBuild is given: its environment, and a session of the service role of the project.

The pipeline must be allowed to start it, and CodeBuild to take the role; otherwise the build is `denied`.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
"""

from typing import Any

from ministack.services import codebuild
from pipeline_model import Pipeline, ProjectBuild
from service_roles import UntrustedRole, denial_for_role, service_session


def described(pipeline: Pipeline, build: ProjectBuild) -> dict[str, Any]:
    """The build of a pipeline as the builder takes it."""
    name, account, region = build.project, pipeline.account, pipeline.region
    project = codebuild._projects.get_scoped(account, region, name)
    arn = f"arn:aws:codebuild:{region}:{account}:project/{name}"
    conditions = {"aws:sourceaccount": account}
    if project is None:
        return {"denied": f"The project {arn} does not exist"}
    if denied := denial_for_role(
        build.pipeline_role, "codepipeline.amazonaws.com", "codebuild:StartBuild", arn, conditions
    ):
        return {"denied": denied}
    try:
        credentials = service_session(project["serviceRole"], "codebuild.amazonaws.com", conditions)
    except UntrustedRole as error:
        return {"denied": str(error)}
    declared = [*project["environment"].get("environmentVariables", []), *build.environment]
    return {
        "project": name, "credentials": credentials, "source": build.source, "sourceNamespace": build.source_namespace,
        # A variable of the action takes the place of the project's.
        "environment": {each["name"]: each["value"] for each in declared},
    }  # fmt: skip
