"""What a source is made of."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.quickstart.anatomy import Anatomy, Function, anatomy_of, read_source

NESTED = '''\
class Outer:
    """def not_a_function(): ..."""

    async def method(self):
        def inner():
            return 1
        return inner

lambda: None
def short(): ...
'''


def test_functions_are_counted_wherever_they_are_nested() -> None:
    anatomy = anatomy_of(NESTED)

    assert anatomy == Anatomy(lines=10, functions=3, longest=Function(name="Outer.method", line=4, lines=4))


@pytest.mark.parametrize(("text", "lines"), [("", 0), ("x = 1", 1), ("x = 1\n", 1), ("x = 1\n\n", 2), ("'\x0c'\n", 1)])
def test_a_source_without_functions_has_lines(text: str, lines: int) -> None:
    assert anatomy_of(text) == Anatomy(lines=lines, functions=0, longest=None)


def test_the_first_of_two_equally_long_functions_counts() -> None:
    longest = anatomy_of("def b(): ...\ndef a(): ...\n").longest

    assert longest == Function(name="b", line=1, lines=1)


def test_an_expression_nested_deeper_than_python_recurses_is_no_obstacle() -> None:
    assert anatomy_of("x = " + " + ".join(["1"] * 900) + "\n").functions == 0


def test_a_mistake_is_reported_as_python_does() -> None:
    with pytest.raises(SyntaxError) as caught:
        anatomy_of("x = (1,\n")

    assert caught.value.lineno == 1


def test_a_source_is_read_in_the_encoding_that_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "latin.py"
    path.write_bytes(b"# -*- coding: latin-1 -*-\nname = '\xe4'\n")

    assert read_source(path).endswith("name = 'ä'\n")


@given(st.lists(st.integers(1, 30), max_size=20))
def test_the_longest_of_many_is_found(sizes: list[int]) -> None:
    text = "".join(f"def f{number}():\n" + "    1\n" * size for number, size in enumerate(sizes))

    anatomy = anatomy_of(text)

    assert anatomy.functions == len(sizes)
    assert (anatomy.longest.lines if anatomy.longest else 1) == max(sizes, default=0) + 1


def test_a_real_module_is_taken_apart() -> None:
    path = Path(sysconfig.get_path("stdlib"), "ast.py")

    anatomy = anatomy_of(read_source(path))

    lines = path.read_bytes().count(b"\n")
    assert anatomy.lines == lines
    assert anatomy.functions > 50
    assert anatomy.longest is not None
    assert anatomy.longest.lines < lines
