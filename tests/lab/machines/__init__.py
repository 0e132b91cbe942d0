"""Lab hosts: real engines, real sshd, real registry, on one Linux machine.

    lab = Lab.up("lab-app")
    lab.host("lab-app").docker("ps")

`docs/lab.md` says what a lab host is and what it is not.
"""

from tests.lab.machines.errors import LabError
from tests.lab.machines.host import LabHost
from tests.lab.machines.lab import Lab

__all__ = ["Lab", "LabError", "LabHost"]
