"""images.lock.yaml into a draft."""

from __future__ import annotations

from pydantic import ValidationError

from opsctl.errors import Problem
from opsctl.inputs.draft import Draft
from opsctl.inputs.validation import faults
from opsctl.model.document import Document
from opsctl.model.lock import LOCK_FILE, Lock
from opsctl.model.yaml_document import read_yaml

_IN_A_MERGE = "take one side (git checkout --theirs images.lock.yaml), then opsctl pin-images"


def read_lock(draft: Draft, data: bytes) -> None:
    """Fill in the lock, or what is wrong with it."""
    if b"\n<<<<<<< " in b"\n" + data:
        line = (b"\n" + data).split(b"\n<<<<<<< ")[0].count(b"\n") + 1
        draft.extend([Problem(LOCK_FILE, line, "the lock is in the middle of a merge", _IN_A_MERGE)])
        return
    document = read_yaml(LOCK_FILE, data)
    draft.extend(document.problems)
    if document.value is not None:
        draft.lock = _validated(draft, document)


def _validated(draft: Draft, document: Document) -> Lock:
    try:
        return Lock.model_validate(document.value)
    except ValidationError as error:
        draft.extend(document.problem(fault.path, fault.message, fault.hint) for fault in faults(error, Lock))
    return draft.lock
