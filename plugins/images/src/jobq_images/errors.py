"""What can be wrong with a picture for good.

One class: a disk that fails or is full keeps its `OSError` and means "try again"; everything else is this.
"""

from __future__ import annotations

from jobq.errors import JobqError


class Refused(JobqError, ValueError):
    """Trying again would end the same way: no such file, no picture, too large, outside the root.

    A `ValueError` as well, so that a payload that is refused is reported when it is enqueued.
    """

    code = "image_refused"
