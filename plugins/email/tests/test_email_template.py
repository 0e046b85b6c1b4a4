from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq_email.errors import Refused
from jobq_email.template import MailTemplate, find_template

BUILT_IN = ["newsletter", "password-reset", "verification", "welcome"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "invoice.subject").write_text("Invoice $number\n", encoding="utf-8")
    (tmp_path / "invoice.txt").write_text("You owe us $$ $amount.", encoding="utf-8")
    return tmp_path


def values(template: MailTemplate) -> dict[str, str | int | float]:
    return {name: f"https://example.com/{name}" for name in template.missing({})}


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_template_that_comes_with_the_plugin_has_text_and_html(name: str) -> None:
    template = find_template(name, None)
    given = values(template)

    content = template.fill(given)

    assert content.text is not None
    assert content.html is not None
    assert "$" not in content.subject + content.text + content.html
    assert all(str(value) in content.text + content.subject for value in given.values())


@pytest.mark.parametrize("name", BUILT_IN)
def test_text_and_html_of_a_template_ask_for_the_same(name: str) -> None:
    whole = find_template(name, None)
    text = MailTemplate(name=name, subject=whole.subject, text=whole.text, html=None)
    html = MailTemplate(name=name, subject=whole.subject, text=None, html=whole.html)

    assert text.missing({}) == html.missing({})


def test_every_missing_variable_is_named_at_once() -> None:
    template = find_template("password-reset", None)

    with pytest.raises(Refused, match="'password-reset' needs name, reset_url, valid_for"):
        template.fill({"product": "Shop"})


def test_values_are_escaped_in_html_and_plain_in_text() -> None:
    template = MailTemplate(name="t", subject="Hi $name", text="Hi $name", html='<p title="$name">$name</p>')

    content = template.fill({"name": '<b> & "q"'})

    assert (content.subject, content.text) == ('Hi <b> & "q"', 'Hi <b> & "q"')
    assert content.html == '<p title="&lt;b&gt; &amp; &quot;q&quot;">&lt;b&gt; &amp; &quot;q&quot;</p>'


@given(value=st.text(max_size=50))
def test_no_value_adds_markup(value: str) -> None:
    template = MailTemplate(name="t", subject="", text=None, html="<p>$it</p>")

    html = template.fill({"it": value}).html

    assert html is not None
    inner = html.removeprefix("<p>").removesuffix("</p>")
    assert not set(inner) & set("<>\"'")
    assert unescape(inner) == unescape(value) or unescape(inner) == value


def test_a_value_is_not_a_template_of_its_own() -> None:
    template = MailTemplate(name="t", subject="", text="$a", html=None)

    assert template.fill({"a": "$b ${c} $$"}).text == "$b ${c} $$"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "https://a b", 'https://a"onclick="', ""])
def test_a_link_that_is_no_http_address_is_refused(link: str) -> None:
    template = MailTemplate(name="t", subject="", text=None, html='<a href="$login_url">x</a>')

    with pytest.raises(Refused, match="login_url is not an http"):
        template.fill({"login_url": link})


def test_a_line_break_in_a_subject_is_refused() -> None:
    template = MailTemplate(name="t", subject="Hi $name", text="", html=None)

    with pytest.raises(Refused, match="line break"):
        template.fill({"name": "a\nBcc: b@example.com"})


def test_an_unsubscribe_link_becomes_a_header() -> None:
    template = find_template("newsletter", None)

    content = template.fill({**values(template), "unsubscribe_url": "https://example.com/out?t=1"})

    assert content.headers == {"List-Unsubscribe": "<https://example.com/out?t=1>"}


def test_numbers_are_values_too_and_spare_variables_are_fine(folder: Path) -> None:
    content = find_template("invoice", folder).fill({"number": 7, "amount": 9.5, "spare": "x"})

    assert (content.subject, content.text, content.html) == ("Invoice 7", "You owe us $ 9.5.", None)


def test_the_own_folder_is_asked_first(folder: Path) -> None:
    (folder / "welcome.subject").write_text("Ours", encoding="utf-8")
    (folder / "welcome.html").write_text("<p>Ours</p>", encoding="utf-8")

    template = find_template("welcome", folder)

    assert (template.subject, template.text, template.html) == ("Ours", None, "<p>Ours</p>")


def test_a_folder_does_not_hide_what_comes_with_the_plugin(folder: Path) -> None:
    assert find_template("welcome", folder).missing({}) == ["login_url", "name", "product"]


def test_an_unknown_template_is_answered_with_the_near_ones(folder: Path) -> None:
    with pytest.raises(Refused, match="did you mean invoice"):
        find_template("invoce", folder)


def test_with_nothing_near_every_template_is_named() -> None:
    with pytest.raises(Refused, match="newsletter, password-reset, verification, welcome"):
        find_template("zzz", Path("/nowhere/at/all"))


@pytest.mark.parametrize("name", ["../welcome", "a/b", "", ".", "Welcome", "welcome\n", "x" * 101])
def test_a_name_is_no_path(name: str, folder: Path) -> None:
    with pytest.raises(Refused, match="is not a template name"):
        find_template(name, folder)


@pytest.mark.parametrize(
    ("content", "said"), [(b"costs 5$ each", "write \\$\\$ for a \\$"), (b"\xff\xfe", "is not UTF-8")]
)
def test_a_template_that_is_not_well_formed_is_named(content: bytes, said: str, folder: Path) -> None:
    (folder / "invoice.html").write_bytes(content)

    with pytest.raises(Refused, match=f"invoice.html.*{said}"):
        find_template("invoice", folder)


def test_a_template_without_a_body_is_refused(folder: Path) -> None:
    (folder / "invoice.txt").unlink()

    with pytest.raises(Refused, match=r"neither invoice\.txt nor invoice\.html"):
        find_template("invoice", folder)
