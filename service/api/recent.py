"""What was asked for lately, kept in memory up to a size: the least recently used goes first.

Safe for threads.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values by key, together at most `capacity`; a value larger than that is not kept."""

    def __init__(self, capacity: int) -> None:
        self._capacity, self._size = capacity, 0
        self._kept: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> T | None:
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: str, value: T, size: int = 1) -> None:
        with self._lock:
            self._size -= self._kept.pop(key, (None, 0))[1]
            self._kept[key] = value, size
            self._size += size
            while self._size > self._capacity:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._size -= dropped
