"""Folders for pretended hosts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_SHARED_MEMORY = Path("/dev/shm")


@contextmanager
def _in_memory() -> Iterator[Path]:
    """A folder in memory where there is one: every push syncs its files, and a busy disk would be all that is measured."""
    with tempfile.TemporaryDirectory(dir=_SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def memory() -> Iterator[Path]:
    with _in_memory() as folder:
        yield folder


@pytest.fixture(scope="module")
def lasting_memory() -> Iterator[Path]:
    """For what the tests of a module copy and never change."""
    with _in_memory() as folder:
        yield folder
