"""Dotted paths into decoded JSON, prepared once for many documents: "a.b" below an object, "a[].b" below each item of a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any


@dataclass(slots=True)
class Branch:
    """What a set of paths says of one key: meant itself, or keys below it, or below each item of its list."""

    meant: bool = False
    below: dict[str, Branch] = field(default_factory=dict)
    items: dict[str, Branch] = field(default_factory=dict)


@lru_cache(maxsize=256)
def make_tree(paths: tuple[str, ...]) -> dict[str, Branch]:
    """The paths as a tree of their keys."""
    tree: dict[str, Branch] = {}
    for path in paths:
        level = tree
        *parents, name = path.split(".")
        for parent in parents:
            branch = level.setdefault(parent.removesuffix("[]"), Branch())
            level = branch.items if parent.endswith("[]") else branch.below
        level.setdefault(name, Branch()).meant = True
    return tree


def visit(node: Any, tree: dict[str, Branch], act: Callable[[dict[str, Any], str], int]) -> int:
    """Calls `act(object, key)` wherever a path of the tree ends in `node`; the sum of its answers."""
    if not isinstance(node, dict):
        return 0
    total = 0
    for key in tree.keys() & node.keys():  # an answer has few of them
        branch = tree[key]
        if branch.meant:
            total += act(node, key)
        if branch.below:
            total += visit(node.get(key), branch.below, act)
        if branch.items:
            items = node.get(key)
            total += sum(visit(item, branch.items, act) for item in items) if isinstance(items, list) else 0
    return total
