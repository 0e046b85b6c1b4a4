"""Jobs that run where they are enqueued: the memory store, declared as inline.

The client sees `capabilities.inline` and runs what it has just inserted, retries included, before it returns.
Nothing else differs, so that a test on `sync://` and a worker on `memory://` mean the same.
"""

from __future__ import annotations

from jobq.drivers.memory import MemoryDriver
from jobq.drivers.protocol import Capabilities


class SyncDriver(MemoryDriver):
    """The memory store for inline runs."""

    capabilities = Capabilities(name="sync", durable=False, shared=False, inline=True)
