"""The pictures on one page, and the longest functions below: any browser shows it, and it fetches nothing."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

from jobq.quickstart.summary import Drawn, LongFunction, Summary

_STYLE = """
body { margin: 2rem auto; max-width: 90rem; padding: 0 1rem; background: #11111b; color: #cdd6f4;
       font: 1rem/1.5 system-ui, sans-serif; }
a { color: inherit; }
ul { list-style: none; padding: 0; display: grid; gap: 1rem;
     grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); }
img { width: 100%; display: block; border-radius: 4px; }
td { padding: 0 1.5rem 0 0; }
td:first-child { text-align: right; }
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>{style}</style>
<h1>{title}</h1>
<p>The largest sources of Python's own library, a pixel for each character:
text is amber, comments are green, keywords purple.</p>
<ul>
{tiles}
</ul>
<h2>The longest functions</h2>
<table>
{rows}
</table>
</html>
"""


def page_of(summary: Summary, folder: Path) -> str:
    """Return the page; `folder` is where it will lie."""
    title = escape(f"{summary.sources} sources, {summary.functions} functions")
    tiles = "\n".join(_tile(drawn, folder) for drawn in summary.pictures)
    rows = "\n".join(_row(function) for function in summary.longest)
    return _PAGE.format(style=_STYLE, title=title, tiles=tiles, rows=rows)


def _tile(drawn: Drawn, folder: Path) -> str:
    picture, thumbnail = (_link(path, folder) for path in (drawn.picture, drawn.thumbnail))
    source = escape(drawn.source)
    return f'<li><a href="{picture}"><img src="{thumbnail}" alt="" loading="lazy">{source}</a></li>'


def _row(function: LongFunction) -> str:
    place = escape(f"{function.source}:{function.line}")
    return f"<tr><td>{function.lines} lines</td><td>{escape(function.name)}</td><td>{place}</td></tr>"


def _link(path: str, folder: Path) -> str:
    return escape(quote(str(Path(path).relative_to(folder))))
