"""What must not be seen is not seen, wherever it stands."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given

from jobq.masking import SECRET_KEYS, looks_secret, mask_text, redact
from jobq.payload import encode
from tests.unit.test_payload import nested, same, texts, values


@pytest.mark.parametrize(
    "key",
    [
        *SECRET_KEYS,
        "DB_PASSWORD",
        "apiKey",
        "X-Api-Key",
        "accessToken",
        "Set-Cookie",
        "client secret",
        "AUTHORIZATION",
        "SENTRY_DSN",
    ],
)
def test_a_key_that_sounds_like_a_secret_looks_secret(key: str) -> None:
    assert looks_secret(key)


@pytest.mark.parametrize("key", ["", "to", "subject", "user_id", "path", "key", "monkey", "author"])
def test_an_ordinary_key_does_not_look_secret(key: str) -> None:
    assert not looks_secret(key)


def test_the_words_can_be_chosen() -> None:
    assert looks_secret("iban_number", ["IBAN"])
    assert not looks_secret("password", ["iban"])


def unmasked_secrets(value: Any) -> list[Any]:
    """List what stands under keys that look secret, at any depth, other than the mask."""
    if isinstance(value, list):
        return [found for child in value for found in unmasked_secrets(child)]
    if not isinstance(value, dict):
        return []
    own = [child for key, child in value.items() if looks_secret(key) and child != "***"]
    return own + unmasked_secrets(list(value.values()))


@given(values, texts)
def test_redaction_leaves_no_secret_at_any_depth(value: Any, key: str) -> None:
    masked = redact([value, {key: {"Api-Key": value, "token": {"x": value}}}, ({"password": value},)])

    assert unmasked_secrets(masked) == []
    assert masked[2] == ({"password": "***"},)


@given(values)
def test_redaction_changes_nothing_else(value: Any) -> None:
    before = encode([value])

    assert same(redact(value, keys=()), value)
    assert same(
        redact({"plain": [value], "hidden": value}, ["hidden"]), {"plain": [redact(value, ["hidden"])], "hidden": "***"}
    )
    assert encode([value]) == before


def test_the_original_is_left_alone() -> None:
    original = {"token": "a", "list": [{"token": "b"}]}

    assert redact(original) == {"token": "***", "list": [{"token": "***"}]}
    assert original == {"token": "a", "list": [{"token": "b"}]}


def test_a_cyclic_value_can_be_redacted() -> None:
    knot: dict[str, Any] = {"token": "a"}
    knot["self"] = [knot, knot]

    masked = redact(knot)

    assert masked["token"] == "***"
    assert masked["self"][1] is masked


def test_what_is_too_deep_to_be_a_payload_is_masked_whole() -> None:
    assert "planted" not in repr(redact(nested(500, inner={"token": "planted"})))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://me:p%40ss@host:5432/db?x=1", "postgresql://me:***@host:5432/db?x=1"),
        ("redis://:secret@host", "redis://:***@host"),
        ("host=db password=hunter2 user=me", "host=db password=*** user=me"),
        ("?access_token=abc&x=1", "?access_token=***&x=1"),
        ("{'password': 'a\\'b', 'x': 1}", "{'password': ***, 'x': 1}"),
        ('{"clientSecret":"abc","x":1}', '{"clientSecret":***,"x":1}'),
        ('connect(password="a b", host=h)', "connect(password=***, host=h)"),
        ('token="cut off in the mid', "token=***"),
        ("the token is invalid", "the token is invalid"),
        ("http://host:8080/path?mail=a@b", "http://host:8080/path?mail=a@b"),
        ("password: must have 8 characters", "password: must have 8 characters"),
        ("", ""),
    ],
)
def test_secrets_are_masked_where_their_place_gives_them_away(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize("unit", ["a", "a-", "://a:", "token", "'token':", '"', "password=", "\\", "token='\\"])
def test_hostile_text_is_masked_in_no_time(unit: str) -> None:
    start = time.thread_time()
    mask_text(unit * (32_768 // len(unit)))

    assert time.thread_time() - start < 1
