"""Compares versions of packages as the distributions do."""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import zip_longest

# Debian sorts a tilde before the end of a part, letters before other characters.
_PARTS = re.compile(r"(\D*)(\d*)")


@lru_cache(maxsize=100_000)
def compare_debian(left: str, right: str) -> int:
    """Negative, zero or positive, as `left` is older than, equal to or newer than `right`.

    https://www.debian.org/doc/debian-policy/ch-controlfields.html#version
    """
    left_epoch, left_upstream, left_revision = _debian_parts(left)
    right_epoch, right_upstream, right_revision = _debian_parts(right)
    if left_epoch != right_epoch:
        return left_epoch - right_epoch
    return _compare_debian_part(left_upstream, right_upstream) or _compare_debian_part(left_revision, right_revision)


def _debian_parts(version: str) -> tuple[int, str, str]:
    epoch, colon, rest = version.strip().partition(":")
    if not colon:
        epoch, rest = "0", epoch
    # An absent revision is equal to "0": the upstream part is then all there is.
    upstream, hyphen, revision = rest.rpartition("-")
    if not hyphen:
        upstream, revision = rest, "0"
    return int(epoch) if epoch.isdigit() else 0, upstream, revision


def _compare_debian_part(left: str, right: str) -> int:
    pairs = zip_longest(_PARTS.findall(left), _PARTS.findall(right), fillvalue=("", ""))
    for (left_text, left_digits), (right_text, right_digits) in pairs:
        if left_text != right_text:
            for order in zip_longest(map(_debian_order, left_text), map(_debian_order, right_text), fillvalue=0):
                if order[0] != order[1]:
                    return order[0] - order[1]
        if difference := int(left_digits or 0) - int(right_digits or 0):
            return difference
    return 0


def _debian_order(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


_ALPINE = re.compile(
    r"^(?P<numbers>\d+(?:\.\d+)*)(?P<letter>[a-z]?)(?P<suffixes>(?:_[a-z]+\d*)*)(?:~[0-9a-f]+)?(?:-r(?P<release>\d+))?$"
)
_ALPINE_SUFFIXES = {"alpha": -4, "beta": -3, "pre": -2, "rc": -1, "cvs": 1, "svn": 2, "git": 3, "hg": 4, "p": 5}


@lru_cache(maxsize=100_000)
def compare_alpine(left: str, right: str) -> int:
    """As `compare_debian`, for the versions of apk packages.

    https://wiki.alpinelinux.org/wiki/Package_policies
    """
    left_key, right_key = _alpine_key(left), _alpine_key(right)
    return (left_key > right_key) - (left_key < right_key)


def _alpine_key(version: str) -> tuple[tuple[int, ...], str, tuple[tuple[int, int], ...], int]:
    match = _ALPINE.match(version.strip())
    if match is None:
        raise ValueError(f"{version!r} is no version of an Alpine package")
    suffixes = re.findall(r"_([a-z]+)(\d*)", match["suffixes"])
    # The end of the suffixes stands between `_rc` and `_p`, so it is a part of its own.
    ranked = [(_ALPINE_SUFFIXES.get(word, 0), int(number or 0)) for word, number in suffixes]
    numbers = tuple(int(number) for number in match["numbers"].split("."))
    return numbers, match["letter"], (*ranked, (0, 0)), int(match["release"] or 0)


COMPARE: dict[str, Callable[[str, str], int]] = {"dpkg": compare_debian, "apk": compare_alpine}
