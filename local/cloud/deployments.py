"""How deployments of ECS services go: how long they take, and which services' new tasks fail."""

from dataclasses import dataclass, field


@dataclass
class Settings:
    """`deployment_seconds` is how long a deployment whose tasks run stays in progress."""

    deployment_seconds: float = 0.1
    # By (account, Region, cluster/service): the deployments from before the fault, whose tasks go on running.
    spared: dict[tuple[str, str, str], frozenset[str]] = field(default_factory=dict)


settings = Settings()
