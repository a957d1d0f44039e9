"""Reads the operating system and the installed packages from an image's files."""

import posixpath
from dataclasses import dataclass

from scanner.layers import APK_INSTALLED, DPKG_STATUS, DPKG_STATUS_FOLDER, OS_RELEASE, OS_RELEASE_TARGET

# The distributions whose package database is read here, by the ID in os-release.
_MANAGERS = {"debian": "dpkg", "ubuntu": "dpkg", "alpine": "apk"}


class UnsupportedImage(Exception):
    """Nothing can be said about an image: its operating system or package database is unknown or absent."""


@dataclass(frozen=True)
class Inventory:
    """`packages` holds pairs of name and version; `manager` is `dpkg` or `apk`."""

    distribution: str
    manager: str
    packages: tuple[tuple[str, str], ...]


def read_inventory(files: dict[str, bytes]) -> Inventory:
    """The inventory of an image from its files of interest, by path."""
    distribution = _distribution(files.get(OS_RELEASE) or files.get(OS_RELEASE_TARGET))
    manager = _MANAGERS.get(distribution)
    if manager == "dpkg":
        databases = [content for path, content in sorted(files.items()) if _is_dpkg(path)]
        packages = [package for database in databases for package in _dpkg_packages(database)]
    elif manager == "apk":
        databases = [files[APK_INSTALLED]] if APK_INSTALLED in files else []
        packages = [package for database in databases for package in _apk_packages(database)]
    else:
        raise UnsupportedImage(f"The operating system {distribution or 'of the image'} is not known.")
    if not databases:
        raise UnsupportedImage(f"The image has no package database of {distribution}.")
    return Inventory(distribution, manager, tuple(sorted(set(packages))))


def _is_dpkg(path: str) -> bool:
    # Beside the control files of distroless images lie their checksums, `*.md5sums`.
    in_folder = posixpath.dirname(path) == DPKG_STATUS_FOLDER and not path.endswith(".md5sums")
    return path == DPKG_STATUS or in_folder


def _distribution(os_release: bytes | None) -> str:
    for line in (os_release or b"").decode("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "ID":
            return value.strip().strip("\"'").lower()
    return ""


def _dpkg_packages(database: bytes) -> list[tuple[str, str]]:
    packages = []
    for paragraph in database.decode("utf-8", "replace").split("\n\n"):
        fields = _fields(paragraph, ": ", ("Package", "Version", "Status"))
        # Control files of distroless images have no Status; a removed package keeps its paragraph.
        if fields.get("Status", "installed").split()[-1:] == ["installed"] and {"Package", "Version"} <= fields.keys():
            packages.append((fields["Package"], fields["Version"]))
    return packages


def _apk_packages(database: bytes) -> list[tuple[str, str]]:
    packages = []
    for paragraph in database.decode("utf-8", "replace").split("\n\n"):
        fields = _fields(paragraph, ":", ("P", "V"))
        if {"P", "V"} <= fields.keys():
            packages.append((fields["P"], fields["V"]))
    return packages


def _fields(paragraph: str, separator: str, wanted: tuple[str, ...]) -> dict[str, str]:
    fields = {}
    for line in paragraph.splitlines():
        name, found, value = line.partition(separator)
        if found and name in wanted:
            fields[name] = value.strip()
    return fields
