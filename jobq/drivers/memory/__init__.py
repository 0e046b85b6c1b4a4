"""Jobs in this process's memory: for development, tests, and as the plainest reading of the contract.

Everything happens under one lock, on one table of records. Nothing survives the process, and nobody else sees
it; a one-shot command that would enqueue here is refused by the command line.
"""

from jobq.drivers.memory.driver import MemoryDriver

__all__ = ["MemoryDriver"]
