"""How much a program keeps: the containers that its objects hold, and how full they are."""

import asyncio
from collections import deque
from collections.abc import Iterator


def largest_containers(root: object) -> Iterator[tuple[str, int]]:
    """Each container that is reached from `root` by the gateway's own objects: path and size."""
    seen: set[int] = set()
    unvisited: list[tuple[str, object]] = [(type(root).__name__, root)]
    while unvisited:
        path, thing = unvisited.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, asyncio.Queue):
            yield path, thing.qsize()
        elif isinstance(thing, dict | list | set | deque | tuple):
            yield path, len(thing)
            inside = list(thing) + (list(thing.values()) if isinstance(thing, dict) else [])
            unvisited += [(f"{path}[]", each) for each in inside]
        elif type(thing).__module__.startswith("gateway."):
            unvisited += [(f"{path}.{name}", each) for name, each in _attributes(thing)]


def _attributes(thing: object) -> Iterator[tuple[str, object]]:
    yield from getattr(thing, "__dict__", {}).items()
    for kind in type(thing).__mro__:
        for name in getattr(kind, "__slots__", ()):
            # What refers to it weakly is not kept; Python 3.11.2 raises where that is asked for.
            if name != "__weakref__" and hasattr(thing, name):
                yield name, getattr(thing, name)
