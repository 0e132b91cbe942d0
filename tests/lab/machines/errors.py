"""What can go wrong in the lab itself, as opposed to in a test."""

from __future__ import annotations


class LabError(Exception):
    """The lab cannot do what was asked; the text says what to look at."""


class GoneError(LabError):
    """What was asked about is not there, or not any more."""
