from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from smtplib import SMTPServerDisconnected

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert, to_builtins

from jobq_email.bulk import Entry, Mailing, Tally, describe_put_off, prepare, send_all
from jobq_email.errors import PutOff, Refused
from jobq_email.payload import BulkEmail, Recipient
from jobq_email.settings import Settings
from jobq_email.smtp import Reply
from jobq_email.testing import DROP, Answer, MailServer

DATE = "Tue, 01 Dec 2026 09:00:00 +0000"
NEWS = {"title": "News", "body": "All well.", "product": "Shop"}
REPLIES = st.sampled_from([None, Reply("", 550, "gone"), Reply("", 450, "later"), Reply("", None, "bad")])

Prepare = Callable[..., Mailing]


def people(count: int) -> tuple[str, ...]:
    return tuple(f"r{place}@example.com" for place in range(count))


def mailing(bulk: BulkEmail, settings: Settings, port: int) -> Mailing:
    return prepare(bulk, replace(settings, port=port), job_id="42", date=DATE)


def plain(count: int) -> BulkEmail:
    return BulkEmail(recipients=people(count), subject="Hello", text="Hello there")


def serve(asked: Mailing, tally: Tally | None = None) -> Tally:
    *_, last = [tally or Tally(), *send_all(asked, tally or Tally())]
    return last


def refusing(replies: dict[str, str]) -> Answer:
    return lambda verb, who: replies.get(who) if verb == "RCPT" else None


def test_everybody_gets_a_message_of_their_own_over_one_connection(settings: Settings) -> None:
    with MailServer() as server:
        tally = serve(mailing(plain(30), settings, server.port))

    assert tally == Tally(next=30)
    assert server.connections == 1
    assert [letter.recipients for letter in server.received] == [(who,) for who in people(30)]
    assert all(letter.message["To"] == letter.recipients[0] for letter in server.received)
    assert len({letter.message["Message-ID"] for letter in server.received}) == 30


def test_a_template_is_filled_for_each_recipient(settings: Settings) -> None:
    recipients = tuple(
        Recipient(to=who, variables={"unsubscribe_url": f"https://example.com/out/{place}", "title": f"No. {place}"})
        for place, who in enumerate(people(2))
    )
    bulk = BulkEmail(recipients=recipients, template="newsletter", variables=NEWS)

    with MailServer() as server:
        serve(mailing(bulk, settings, server.port))

    assert [letter.message["Subject"] for letter in server.received] == ["No. 0", "No. 1"]
    assert [letter.message["List-Unsubscribe"] for letter in server.received] == [
        "<https://example.com/out/0>",
        "<https://example.com/out/1>",
    ]


def test_each_refusal_is_reported_and_the_others_are_served(settings: Settings) -> None:
    bulk = BulkEmail(recipients=("a@example.com", "nobody", "gone@example.com", "b@example.com"), subject="s", text="t")

    with MailServer(refusing({"gone@example.com": "550 no such user"})) as server:
        tally = serve(mailing(bulk, settings, server.port))

    assert [(entry.place, entry.code) for entry in tally.refused] == [(1, None), (2, 550)]
    assert "'nobody' is not a mail address" in tally.refused[0].reason
    assert [letter.recipients for letter in server.received] == [("a@example.com",), ("b@example.com",)]


def test_the_next_attempt_serves_only_what_is_left(settings: Settings) -> None:
    replies = {"r1@example.com": "450 greylisted", "r3@example.com": "550 gone"}

    with MailServer(refusing(replies)) as server:
        asked = mailing(plain(6), settings, server.port)
        first = serve(asked)
        replies.clear()
        second = serve(asked, convert(to_builtins(first), Tally))

    assert [entry.place for entry in first.put_off] == [1]
    assert (second.put_off, [entry.place for entry in second.refused]) == ((), [3])
    assert [letter.recipients[0][1] for letter in server.received] == ["0", "2", "4", "5", "1"]


def test_a_list_resumes_after_the_message_that_was_kept_last(settings: Settings) -> None:
    with MailServer() as server:
        asked = mailing(plain(9), settings, server.port)
        stopped = send_all(asked, Tally())
        kept = [next(stopped) for _ in range(4)][-1]
        stopped.close()
        serve(asked, kept)

    assert [letter.recipients for letter in server.received] == [(who,) for who in people(9)]


@pytest.mark.parametrize("end", [DROP, "421 too many messages on this connection"])
def test_a_server_that_ends_the_connection_now_and_then_is_called_again(end: str, settings: Settings) -> None:
    ended: set[str] = set()

    def every_third(verb: str, who: str) -> str | None:
        is_due = verb == "MAIL" and server.received and len(server.received) % 3 == 0
        mark = str(len(server.received))
        if is_due and mark not in ended:
            ended.add(mark)
            return end
        return None

    with MailServer(every_third) as server:
        tally = serve(mailing(plain(10), settings, server.port))

    assert tally == Tally(next=10)
    assert server.connections == 4
    assert [letter.recipients for letter in server.received] == [(who,) for who in people(10)]


def test_a_server_that_takes_nothing_on_a_fresh_connection_is_left_alone(settings: Settings) -> None:
    with MailServer(lambda verb, _: DROP if verb == "MAIL" else None) as server, pytest.raises(SMTPServerDisconnected):
        serve(mailing(plain(5), settings, server.port))

    assert server.connections == 1


def test_ten_in_a_row_put_off_end_the_attempt(settings: Settings) -> None:
    asked_for: list[str] = []

    def busy(verb: str, who: str) -> str | None:
        asked_for.extend([who] if verb == "RCPT" else [])
        return "450 slow down" if verb == "RCPT" and who != "r0@example.com" else None

    with MailServer(busy) as server, pytest.raises(PutOff, match="10 of 50 recipients were put off"):
        serve(mailing(plain(50), settings, server.port))

    assert asked_for == list(people(11))


def test_people_who_are_always_put_off_do_not_keep_the_others_waiting(settings: Settings) -> None:
    busy = dict.fromkeys(people(10), "450 busy")

    with MailServer(refusing(busy)) as server:
        asked = mailing(plain(20), settings, server.port)
        before = Tally(next=10, put_off=tuple(Entry(place, 450, "busy") for place in range(10)))
        with pytest.raises(PutOff, match="10 of 20"):
            serve(asked, before)

    assert [letter.recipients for letter in server.received] == [(who,) for who in people(20)[10:]]


def test_a_sender_that_is_never_welcome_ends_the_list(settings: Settings) -> None:
    with (
        MailServer(lambda verb, _: "553 not from you" if verb == "MAIL" else None) as server,
        pytest.raises(Refused, match="553"),
    ):
        serve(mailing(plain(5), settings, server.port))


def test_missing_variables_are_named_before_anything_is_sent(settings: Settings) -> None:
    with_link = Recipient(to="a@example.com", variables={"unsubscribe_url": "https://example.com"})
    bulk = BulkEmail(recipients=(with_link, "b@example.com"), template="newsletter", variables={"title": "t"})

    with pytest.raises(
        Refused, match=r"2 recipients .*a@example.com: body, product; b@example.com: body, product, uns"
    ):
        mailing(bulk, settings, 1)


def test_a_bad_link_of_one_recipient_is_reported_for_that_one(settings: Settings) -> None:
    links = ("https://example.com/out", "javascript:alert(1)")
    recipients = tuple(
        Recipient(to=who, variables={"unsubscribe_url": link}) for who, link in zip(people(2), links, strict=True)
    )

    with MailServer() as server:
        tally = serve(
            mailing(BulkEmail(recipients=recipients, template="newsletter", variables=NEWS), settings, server.port)
        )

    assert [entry.place for entry in tally.refused] == [1]
    assert len(server.received) == 1


def test_an_attachment_is_read_once_and_goes_to_everybody(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "terms.pdf").write_bytes(b"%PDF")
    bulk = BulkEmail(recipients=people(3), subject="s", text="t", attachments=("terms.pdf",))

    with MailServer() as server:
        asked = mailing(bulk, replace(settings, attachment_root=tmp_path), server.port)
        (tmp_path / "terms.pdf").unlink()
        serve(asked)

    assert [len(list(letter.message.iter_attachments())) for letter in server.received] == [1, 1, 1]


@pytest.mark.parametrize(
    ("bulk", "said"),
    [
        (BulkEmail(recipients=people(1), template="wellcome"), "did you mean welcome"),
        (BulkEmail(recipients=people(1), subject="s", text="t", attachments=("x",)), "ATTACHMENT_ROOT"),
    ],
)
def test_what_is_wrong_with_the_whole_list_is_found_first(bulk: BulkEmail, said: str, settings: Settings) -> None:
    with pytest.raises(Refused, match=said):
        mailing(bulk, settings, 1)


def test_the_error_names_a_few_and_counts_the_rest(settings: Settings) -> None:
    tally = Tally()
    for place in range(8):
        tally = tally.after(place, Reply(f"r{place}@example.com", 450, "later"))

    error = describe_put_off(tally, mailing(plain(8), settings, 1))

    assert "8 of 8 recipients were put off: r0@example.com: 450 later, r1" in str(error)
    assert "r4@example.com: 450 later and 3 more" in str(error)


@given(replies=st.lists(st.lists(REPLIES, min_size=1, max_size=4), max_size=12), attempts=st.integers(1, 5))
def test_any_course_of_attempts_settles_each_recipient_at_most_once(
    replies: list[list[Reply | None]], attempts: int
) -> None:
    total = len(replies)
    tally, asked = Tally(), [0] * total

    for _ in range(attempts):
        for place in tally.todo(total):
            answers = replies[place]
            tally = tally.after(place, answers[min(asked[place], len(answers) - 1)])
            asked[place] += 1

    left = tally.todo(total)
    refused = [entry.place for entry in tally.refused]
    assert tally.next == total
    assert len({*left, *refused}) == len(left) + len(refused)
    assert all(asked[place] == attempts for place in left)


@given(replies=st.lists(REPLIES, max_size=12))
def test_a_tally_survives_being_kept_as_json(replies: list[Reply | None]) -> None:
    tallies = [Tally()]
    for place, reply in enumerate(replies):
        tallies.append(tallies[-1].after(place, reply))

    assert [convert(to_builtins(tally), Tally) for tally in tallies] == tallies
    assert all(later.next == earlier.next + 1 for earlier, later in pairwise(tallies))
