#!/usr/bin/python3
"""In place of a program that a probe runs: the URL among its words is asked, else nothing is."""

from __future__ import annotations

import re
import sys
import urllib.request

found = re.search(r"http://[^'\")]+", " ".join(sys.argv[1:]))
if found:
    urllib.request.urlopen(found[0], timeout=5).read()  # noqa: S310 - http:// is in the pattern
