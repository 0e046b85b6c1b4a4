"""Pictures as jobq jobs: resize, thumbnails, convert, optimise.

The handlers in `jobq_images.handlers` are thin; the work is in plain functions (`jobq_images.operations`) that
need no queue. A picture goes through three steps that can each be read alone: bytes to a picture (`picture`), a
picture to bytes (`encode`), bytes to a file (`place`).

Decided here: a file is read whole and decoded from memory. So whatever goes wrong while decoding is the picture's
fault and ends the job (`Refused`), and whatever goes wrong with a disk is an `OSError` and is tried again; when
Pillow reads files itself, both are the same exception. Cost: memory for one file, at most `JOBQ_IMAGES_MAX_BYTES`.

Running a job twice gives the same files: nothing is written over its own source, but by `images:optimise`, which
leaves alone what it has already made small.
"""

from jobq_images.errors import Refused
from jobq_images.payload import Convert, Optimise, Resize, Thumbnail
from jobq_images.settings import Settings, load_settings

__all__ = ["Convert", "Optimise", "Refused", "Resize", "Settings", "Thumbnail", "load_settings"]
