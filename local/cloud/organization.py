"""The one AWS Organization of the embedded cloud, as `POST /_patchwave/organization` declares it."""

from dataclasses import dataclass, field

STATES = ("ACTIVE", "CLOSED", "PENDING_ACTIVATION", "PENDING_CLOSURE", "SUSPENDED")

# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
REGIONS_ENABLED_BY_DEFAULT = (
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
    "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """An account of the organization; `regions` are the enabled ones, None for AWS's default."""

    id: str
    name: str
    state: str = "ACTIVE"
    regions: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Organization:
    """`delegates` are the member accounts that may ask what the management account may ask."""

    id: str
    management_account: str
    members: dict[str, Member] = field(default_factory=dict)
    delegates: frozenset[str] = frozenset()

    def may_ask_for_all(self, account: str) -> bool:
        return account == self.management_account or account in self.delegates


_declared: Organization | None = None


def declare(organization: Organization) -> None:
    """Makes this the organization, in the place of any before."""
    global _declared
    _declared = organization


def organization_of(account: str) -> Organization | None:
    """The organization an account belongs to; None for an account outside."""
    return _declared if _declared and account in _declared.members else None


def enabled_regions(account: str) -> frozenset[str]:
    """The Regions that are enabled in an account."""
    organization = organization_of(account)
    regions = organization.members[account].regions if organization else None
    return frozenset(REGIONS_ENABLED_BY_DEFAULT if regions is None else regions)
