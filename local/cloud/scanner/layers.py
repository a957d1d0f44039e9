"""Reads the few files of an image that tell its operating system and its packages.

Layers are put on one another as the OCI image specification says, with whiteouts:
https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
"""

import io
import posixpath
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field

OS_RELEASE = "etc/os-release"
OS_RELEASE_TARGET = "usr/lib/os-release"
DPKG_STATUS = "var/lib/dpkg/status"
DPKG_STATUS_FOLDER = "var/lib/dpkg/status.d"
APK_INSTALLED = "lib/apk/db/installed"

_FILES = frozenset({OS_RELEASE, OS_RELEASE_TARGET, DPKG_STATUS, APK_INSTALLED})
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


class UnreadableLayer(Exception):
    """A layer is in no format that the scanner reads: tar, or tar compressed by gzip, bzip2 or xz."""


@dataclass(frozen=True)
class Layer:
    """What one layer adds of the files of interest, and the paths it takes away."""

    files: dict[str, bytes]
    links: dict[str, str] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    emptied: frozenset[str] = frozenset()


def read_layer(digest: str, blob: bytes) -> Layer:
    """Reads a layer once; a fleet whose images share layers reads each of them once."""
    layer = _read_layers.get(digest)
    if layer is None:
        layer = _read_layers[digest] = _read(digest, blob)
    return layer


_read_layers: dict[str, Layer] = {}


def _read(digest: str, blob: bytes) -> Layer:
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    removed, emptied = set(), set()
    try:
        with tarfile.open(fileobj=io.BytesIO(blob), mode="r:*") as archive:
            for member in archive:
                path = posixpath.normpath(member.name).lstrip("/")
                folder, name = posixpath.split(path)
                if name == _OPAQUE:
                    emptied.add(folder)
                elif name.startswith(_WHITEOUT):
                    removed.add(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
                elif _of_interest(path):
                    if member.issym():
                        links[path] = posixpath.normpath(posixpath.join(folder, member.linkname)).lstrip("/")
                    elif content := archive.extractfile(member):
                        files[path] = content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UnreadableLayer(f"The layer {digest} is not a tar archive that can be read: {error}") from error
    return Layer(files, links, frozenset(removed), frozenset(emptied))


def _of_interest(path: str) -> bool:
    return path in _FILES or posixpath.dirname(path) == DPKG_STATUS_FOLDER


def merged_files(layers: Iterable[Layer]) -> dict[str, bytes]:
    """The files of interest of an image, from its lowest layer to its highest, by path."""
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    for layer in layers:
        for path in [*files, *links]:
            if _is_taken_away(path, layer):
                files.pop(path, None)
                links.pop(path, None)
        for path, content in layer.files.items():
            links.pop(path, None)
            files[path] = content
        for path, target in layer.links.items():
            files.pop(path, None)
            links[path] = target
    return {**{path: files[target] for path, target in links.items() if target in files}, **files}


def _is_taken_away(path: str, layer: Layer) -> bool:
    if path in layer.removed:
        return True
    folder = posixpath.dirname(path)
    while folder:
        if folder in layer.removed or folder in layer.emptied:
            return True
        folder = posixpath.dirname(folder)
    return "" in layer.emptied
