"""How much memory this process holds."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Literal

_STATUS = Path("/proc/self/status")


def memory(which: Literal["now", "most"]) -> int:
    """Bytes that this process holds, or has held at most, as Linux tells. Elsewhere both are the most that it has
    held."""
    # Not getrusage on Linux: what it tells of a process begins with what its parent held when it was forked.
    if _STATUS.exists():
        name = {"now": "VmRSS", "most": "VmHWM"}[which]
        [line] = [line for line in _STATUS.read_text().splitlines() if line.startswith(name)]
        return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
