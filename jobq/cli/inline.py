"""Jobs that run while they are put in line."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import Any

from jobq.client import Client


def aside(client: Client) -> AbstractContextManager[Any]:
    """Send what handlers print to standard error, in a store that runs jobs at once: it is no data."""
    return redirect_stdout(sys.stderr) if client.driver.capabilities.inline else nullcontext()
