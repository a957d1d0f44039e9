"""The list of known vulnerabilities, one for the whole cloud, and what of it an image has."""

import time
from collections import defaultdict
from dataclasses import dataclass

from scanner.packages import Inventory
from scanner.versions import COMPARE

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")


@dataclass(frozen=True)
class Vulnerability:
    """`fixed_in` is the first version without it, None while there is no fix; `distribution` None means every one."""

    id: str
    package: str
    severity: str
    fixed_in: str | None = None
    distribution: str | None = None
    description: str = ""
    uri: str = ""


@dataclass(frozen=True)
class Finding:
    vulnerability: Vulnerability
    package_version: str


_by_package: dict[str, list[Vulnerability]] = {}
_used_since: float = 0
_matched: dict[Inventory, tuple[Finding, ...]] = {}


def use(vulnerabilities: list[Vulnerability]) -> None:
    """Replaces the list. Scans that are complete keep their findings, as on AWS."""
    global _used_since
    _used_since = time.time()
    _by_package.clear()
    _matched.clear()
    grouped = defaultdict(list)
    for vulnerability in vulnerabilities:
        grouped[vulnerability.package].append(vulnerability)
    _by_package.update(grouped)


def updated_by(at: float) -> float:
    """When the list that a scan of an instant used was put in place; seconds since the epoch."""
    return min(_used_since, at)


def match(inventory: Inventory) -> tuple[Finding, ...]:
    """The findings of an inventory, the most severe first; images with the same packages share them."""
    findings = _matched.get(inventory)
    if findings is None:
        findings = _matched[inventory] = tuple(sorted(_find(inventory), key=_order))
    return findings


def fixes_of(package: str, distribution: str) -> list[str]:
    """The versions of a package that fix something known."""
    known = _by_package.get(package, ())
    return [each.fixed_in for each in known if each.fixed_in and each.distribution in (None, distribution)]


def _find(inventory: Inventory) -> list[Finding]:
    compare = COMPARE[inventory.manager]
    return [
        Finding(vulnerability, version)
        for package, version in inventory.packages
        for vulnerability in _by_package.get(package, ())
        if vulnerability.distribution in (None, inventory.distribution)
        and (vulnerability.fixed_in is None or compare(version, vulnerability.fixed_in) < 0)
    ]


def _order(finding: Finding) -> tuple[int, str, str, str]:
    known = finding.vulnerability
    return SEVERITIES.index(known.severity), known.id, known.package, finding.package_version
