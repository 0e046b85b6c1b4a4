from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import jobq
from jobq.errors import BadPayload
from jobq.plugins import load_plugins
from jobq_email.testing import DROP, MailServer

LETTER = {"to": "a@example.com", "subject": "Hello", "text": "Hello there"}


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[jobq.Client]:
    """A queue that runs a job, with all its attempts, where it is enqueued."""
    config = jobq.load_config(environ={}, cwd=tmp_path, dsn="sync://", plugins={"modules": ["jobq_email.handlers"]})
    with jobq.connect(config=config, plugins=load_plugins(config)) as client:
        yield client


def listen(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the handlers' settings point to the server."""
    for name, text in {
        "HOST": "localhost",
        "PORT": str(server.port),
        "TLS": "none",
        "FROM": "shop@example.com",
    }.items():
        monkeypatch.setenv(f"JOBQ_EMAIL_{name}", text)


def errors(job: jobq.Job) -> list[str]:
    return [f"{error.type}: {error.message}" for error in job.errors]


def test_a_message_is_sent_and_its_result_kept(queue: jobq.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with MailServer() as server:
        listen(server, monkeypatch)
        job = queue.enqueue("email:send", LETTER)

    assert (job.state, job.queue) == ("completed", "emails")
    assert job.result == {"message_id": f"<{job.id}@example.com>", "accepted": ["a@example.com"], "refused": []}
    assert server.received[0].message["Message-ID"] == f"<{job.id}@example.com>"


def test_a_template_is_filled_and_sent(queue: jobq.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"name": "Anna", "product": "Shop", "login_url": "https://example.com/in"}

    with MailServer() as server:
        listen(server, monkeypatch)
        job = queue.enqueue("email:template", {"to": "a@example.com", "template": "welcome", "variables": variables})

    assert job.state == "completed"
    assert server.received[0].message["Subject"] == "Welcome to Shop, Anna"


@pytest.mark.parametrize(
    ("name", "payload", "said"),
    [
        ("email:send", {**LETTER, "to": "nobody"}, "'nobody' is not a mail address"),
        ("email:send", {"to": "a@example.com", "text": "t"}, "subject: missing"),
        ("email:template", {"to": "a@example.com"}, "template: missing"),
        ("email:bulk", {"recipients": []}, "this one has 0"),
    ],
)
def test_a_payload_that_cannot_be_sent_is_refused_when_it_is_enqueued(
    name: str, payload: dict[str, Any], said: str, queue: jobq.Client
) -> None:
    with pytest.raises(BadPayload, match=said):
        queue.enqueue(name, payload)


def test_missing_variables_end_the_job_at_once(queue: jobq.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with MailServer() as server:
        listen(server, monkeypatch)
        job = queue.enqueue("email:template", {"to": "a@example.com", "template": "verification"})

    assert (job.state, job.reason, job.attempt) == ("failed", "discarded", 1)
    assert "needs name, product, valid_for, verify_url" in errors(job)[0]


def test_a_permanent_reply_ends_the_job_at_once(queue: jobq.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with MailServer(lambda verb, _: "550 no such user" if verb == "RCPT" else None) as server:
        listen(server, monkeypatch)
        job = queue.enqueue("email:send", LETTER)

    assert (job.state, job.reason, job.attempt) == ("failed", "discarded", 1)
    assert "a@example.com: 550 no such user" in errors(job)[0]


@pytest.mark.parametrize("trouble", ["450 greylisted", "421 closing", DROP])
def test_trouble_that_may_pass_is_retried(trouble: str, queue: jobq.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    replies = [trouble, trouble]

    with MailServer(lambda verb, _: replies.pop() if verb == "RCPT" and replies else None) as server:
        listen(server, monkeypatch)
        job = queue.enqueue("email:send", LETTER)

    assert (job.state, job.attempt, len(job.errors)) == ("completed", 3, 2)
    assert len(server.received) == 1


def test_trouble_that_stays_uses_up_the_attempts(queue: jobq.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with MailServer(lambda verb, _: "451 later" if verb == "DATA" else None) as server:
        listen(server, monkeypatch)
        job = queue.enqueue("email:send", LETTER)

    assert (job.state, job.reason, job.attempt) == ("failed", "exhausted", 5)
    assert "a@example.com: 451 later" in errors(job)[-1]


def test_who_got_the_message_does_not_get_it_again(queue: jobq.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    replies = ["450 greylisted"]

    with MailServer(lambda _, who: replies.pop() if who == "b@example.com" and replies else None) as server:
        listen(server, monkeypatch)
        job = queue.enqueue("email:send", {**LETTER, "to": ["a@example.com", "b@example.com"]})

    assert job.state == "completed"
    assert [letter.recipients for letter in server.received] == [("a@example.com",), ("b@example.com",)]
    assert job.result["accepted"] == ["a@example.com", "b@example.com"]


def test_settings_that_are_missing_are_named_and_retried(queue: jobq.Client) -> None:
    job = queue.enqueue("email:send", LETTER, max_attempts=2)

    assert (job.state, job.reason, job.attempt) == ("failed", "exhausted", 2)
    assert "JOBQ_EMAIL_HOST is not set" in errors(job)[0]


def test_a_list_is_served_and_reported(queue: jobq.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    people = ["a@example.com", "gone@example.com", {"to": "b@example.com"}, "nobody"]

    with MailServer(lambda _, who: "550 no such user" if who == "gone@example.com" else None) as server:
        listen(server, monkeypatch)
        job = queue.enqueue("email:bulk", {"recipients": people, "subject": "s", "text": "t"})

    assert job.state == "completed"
    assert job.result["sent"] == ["a@example.com", "b@example.com"]
    assert [(each["address"], each["code"]) for each in job.result["refused"]] == [
        ("gone@example.com", 550),
        ("nobody", None),
    ]
    assert job.progress is not None
    assert (job.progress.percent, job.progress.message) == (100, "4 of 4")


def test_a_list_resumes_where_it_stopped(queue: jobq.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [f"r{place}@example.com" for place in range(6)]
    replies = {"r1@example.com": "450 greylisted", "r4@example.com": "550 no such user"}

    with MailServer(lambda verb, who: replies.pop(who, None) if verb == "RCPT" else None) as server:
        listen(server, monkeypatch)
        job = queue.enqueue("email:bulk", {"recipients": people, "subject": "s", "text": "t"})

    assert (job.state, job.attempt) == ("completed", 2)
    assert "1 of 6 recipients were put off: r1@example.com: 450 greylisted" in errors(job)[0]
    assert [letter.recipients[0][1] for letter in server.received] == ["0", "2", "3", "5", "1"]
    assert [each["address"] for each in job.result["refused"]] == ["r4@example.com"]


def test_a_list_lacking_variables_sends_nothing(queue: jobq.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with MailServer() as server:
        listen(server, monkeypatch)
        job = queue.enqueue("email:bulk", {"recipients": ["a@example.com"], "template": "newsletter"})

    assert (job.state, job.reason) == ("failed", "discarded")
    assert server.received == []
