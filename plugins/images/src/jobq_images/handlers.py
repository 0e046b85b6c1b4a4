"""The handlers: between a job and the plain functions that do its work.

Nothing is decided here but what an error means for the job: `Refused` ends it (`Discard`), everything else that is
raised lets it be retried.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import to_builtins

from jobq import Context, Discard, job
from jobq_images import operations
from jobq_images.errors import Refused
from jobq_images.payload import Convert, Optimise, Resize, Thumbnail
from jobq_images.settings import load_settings


@job("images:resize", queue="images", max_attempts=3, timeout="2m", description="Make a picture another size")
def resize(payload: Resize) -> dict[str, Any]:
    """Write a picture in another size. Returns `{path, width, height, bytes, format}`."""
    with _refusal_ends_the_job():
        return _facts(operations.resize(payload, load_settings(os.environ)))


@job("images:thumbnail", queue="images", max_attempts=3, timeout="2m", description="Make thumbnails of a picture")
def thumbnail(payload: Thumbnail, ctx: Context) -> dict[str, Any]:
    """Write thumbnails. Returns `{thumbnails: [{path, width, height, bytes, format}, ...]}`, the largest first."""
    done: list[dict[str, Any]] = []
    with _refusal_ends_the_job():
        for saved in operations.thumbnails(payload, load_settings(os.environ)):
            done.append(_facts(saved))
            ctx.progress(100 * len(done) / len(set(payload.sizes)), saved.path)
            ctx.check()
    return {"thumbnails": done}


@job("images:convert", queue="images", max_attempts=3, timeout="2m", description="Write a picture in another format")
def convert(payload: Convert) -> dict[str, Any]:
    """Write a picture in another format. Returns `{path, width, height, bytes, format}`."""
    with _refusal_ends_the_job():
        return _facts(operations.convert(payload, load_settings(os.environ)))


@job("images:optimise", queue="images", max_attempts=3, timeout="2m", description="Write a picture in fewer bytes")
def optimise(payload: Optimise) -> dict[str, Any]:
    """Write a picture in fewer bytes. Returns `{path, width, height, bytes, format, saved}`."""
    with _refusal_ends_the_job():
        return _facts(operations.optimise(payload, load_settings(os.environ)))


@contextmanager
def _refusal_ends_the_job() -> Iterator[None]:
    try:
        yield
    except Refused as error:
        raise Discard(str(error)) from error


def _facts(saved: operations.Saved | operations.Optimised) -> dict[str, Any]:
    facts: dict[str, Any] = to_builtins(saved)
    return facts
