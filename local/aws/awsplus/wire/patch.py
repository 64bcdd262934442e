"""moto's classes get the methods of ours: one place where they are replaced."""

from __future__ import annotations


def extend(owner: type, extension: type) -> None:
    """Whatever the extension itself defines takes the place of what the owner has under that name."""
    for name, function in vars(extension).items():
        if not name.startswith("__"):
            setattr(owner, name, function)
