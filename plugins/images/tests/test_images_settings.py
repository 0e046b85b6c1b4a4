from __future__ import annotations

from pathlib import Path

import pytest

from jobq.errors import ConfigError
from jobq_images.settings import Settings, load_settings


def test_without_settings_there_are_limits_and_no_root() -> None:
    assert load_settings({"PATH": "/bin"}) == Settings(root=None, max_pixels=50_000_000, max_bytes=104_857_600)


def test_every_setting_is_read(tmp_path: Path) -> None:
    given = {"JOBQ_IMAGES_ROOT": str(tmp_path), "JOBQ_IMAGES_MAX_PIXELS": "1_000", "JOBQ_IMAGES_MAX_BYTES": "2K"}

    assert load_settings(given) == Settings(root=tmp_path.resolve(), max_pixels=1000, max_bytes=2048)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"JOBQ_IMAGES_ROTO": "/"}, "did you mean JOBQ_IMAGES_ROOT"),
        ({"JOBQ_IMAGES_QUALITY": "80"}, "JOBQ_IMAGES_QUALITY is not a setting"),
        ({"JOBQ_IMAGES_ROOT": "/nowhere/at/all"}, "a folder that exists"),
        ({"JOBQ_IMAGES_ROOT": "."}, "absolute path"),
        ({"JOBQ_IMAGES_MAX_PIXELS": "0"}, "from 1 to 89000000"),
        ({"JOBQ_IMAGES_MAX_PIXELS": "many"}, "from 1 to 89000000"),
        ({"JOBQ_IMAGES_MAX_PIXELS": "9" * 30}, "from 1 to 89000000"),
        ({"JOBQ_IMAGES_MAX_BYTES": "big"}, "JOBQ_IMAGES_MAX_BYTES"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_settings(given)
