"""One AWS behaviour per file: what ministack lacks or gets wrong, put back as AWS documents it.

A file holds a docstring that names the AWS page and a function `restore() -> None`. It pins with
`upstream.pinned` what it touches, and `../probes/<the same name>.ts` fails without it.
"""

import importlib
import pkgutil


class UnknownRestore(Exception):
    """`--without` names a restore that does not exist."""


def names() -> list[str]:
    """The names of all restores, in the order in which they are applied."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def restore_all(without: frozenset[str] = frozenset()) -> None:
    """Applies every restore except the named ones."""
    if unknown := without - set(names()):
        raise UnknownRestore(f"No restore is called {', '.join(sorted(unknown))}. Known: {', '.join(names())}.")
    for name in names():
        if name not in without:
            importlib.import_module(f"{__name__}.{name}").restore()
