from __future__ import annotations

from pathlib import Path

import pytest

from jobq.errors import ConfigError
from jobq_email.settings import load_settings

LEAST = {"JOBQ_EMAIL_HOST": "mail.example.com", "JOBQ_EMAIL_FROM": "Shop <shop@example.com>"}


def test_a_host_and_a_sender_are_enough() -> None:
    settings = load_settings(LEAST)

    assert (settings.host, settings.port, settings.tls, settings.timeout) == ("mail.example.com", 587, "starttls", 10.0)
    assert str(settings.sender) == "Shop <shop@example.com>"
    assert settings.attachment_root is None


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_follows_from_the_encryption(tls: str, port: int) -> None:
    settings = load_settings({**LEAST, "JOBQ_EMAIL_TLS": tls})

    assert settings.port == port


def test_every_setting_is_read() -> None:
    given = {
        "PORT": "2525",
        "USER": "shop",
        "PASSWORD": "s3cret",
        "TIMEOUT": "1m",
        "CA_FILE": "/ca.pem",
        "ATTACHMENT_ROOT": "/files",
        "ATTACHMENT_LIMIT": "2M",
        "TEMPLATES": "/templates",
    }

    settings = load_settings(LEAST | {f"JOBQ_EMAIL_{name}": text for name, text in given.items()})

    assert (settings.port, settings.timeout, settings.attachment_limit) == (2525, 60.0, 2 * 1024 * 1024)
    assert (settings.user, settings.password) == ("shop", "s3cret")
    assert settings.ca_file == Path("/ca.pem")
    assert (settings.attachment_root, settings.templates) == (Path("/files"), Path("/templates"))


def test_a_password_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("s3cret \n", encoding="utf-8")

    settings = load_settings({**LEAST, "JOBQ_EMAIL_USER": "shop", "JOBQ_EMAIL_PASSWORD_FILE": str(path)})

    assert settings.password == "s3cret "


def test_the_password_is_never_shown() -> None:
    settings = load_settings({**LEAST, "JOBQ_EMAIL_USER": "shop", "JOBQ_EMAIL_PASSWORD": "s3cret"})

    assert "s3cret" not in repr(settings)


def test_a_plain_password_may_travel_inside_this_machine() -> None:
    signed_in = {"JOBQ_EMAIL_USER": "shop", "JOBQ_EMAIL_PASSWORD": "s3cret", "JOBQ_EMAIL_TLS": "none"}

    settings = load_settings({**LEAST, **signed_in, "JOBQ_EMAIL_HOST": "127.0.0.1"})

    assert settings.tls == "none"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"JOBQ_EMAIL_HOST": ""}, "JOBQ_EMAIL_HOST is not set"),
        ({"JOBQ_EMAIL_FROM": ""}, "JOBQ_EMAIL_FROM is not set"),
        ({"JOBQ_EMAIL_FROM": "shop"}, "JOBQ_EMAIL_FROM 'shop' is not a mail address"),
        ({"JOBQ_EMAIL_TSL": "none"}, "did you mean JOBQ_EMAIL_TLS"),
        ({"JOBQ_EMAIL_TLS": "maybe"}, "use one of starttls, tls, none"),
        ({"JOBQ_EMAIL_PORT": "0"}, "from 1 to 65535"),
        ({"JOBQ_EMAIL_PORT": "99999999999"}, "from 1 to 65535"),
        ({"JOBQ_EMAIL_PORT": "smtp"}, "from 1 to 65535"),
        ({"JOBQ_EMAIL_TIMEOUT": "soon"}, "JOBQ_EMAIL_TIMEOUT"),
        ({"JOBQ_EMAIL_TIMEOUT": "0"}, "JOBQ_EMAIL_TIMEOUT is zero"),
        ({"JOBQ_EMAIL_ATTACHMENT_LIMIT": "big"}, "JOBQ_EMAIL_ATTACHMENT_LIMIT"),
        ({"JOBQ_EMAIL_USER": "shop"}, "set both or neither"),
        ({"JOBQ_EMAIL_PASSWORD": "s3cret"}, "set both or neither"),
        ({"JOBQ_EMAIL_PASSWORD": "a", "JOBQ_EMAIL_PASSWORD_FILE": "b"}, "set one of them"),
        ({"JOBQ_EMAIL_PASSWORD_FILE": "/nowhere/at/all"}, "cannot be read: FileNotFoundError"),
        (
            {"JOBQ_EMAIL_USER": "a", "JOBQ_EMAIL_PASSWORD": "s3cret", "JOBQ_EMAIL_TLS": "none"},
            "would send the password in clear",
        ),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load_settings({**LEAST, **given})

    assert "s3cret" not in str(caught.value)
