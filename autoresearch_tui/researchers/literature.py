"""arXiv's public search: see https://info.arxiv.org/help/api/user-manual.html."""

import asyncio
import urllib.error
import urllib.parse
import urllib.request
from xml.etree import ElementTree

from autoresearch_tui.errors import ResearcherError

ADDRESS = "https://export.arxiv.org/api/query"

_ATOM = "{http://www.w3.org/2005/Atom}"
_SECONDS = 15.0
_MOST_BYTES = 1_000_000


async def search(query: str, limit: int, address: str = ADDRESS) -> list[str]:
    """Papers that a query finds, the most relevant first: each its name, year, title and abstract.

    Raises:
        ResearcherError: there is no way to arXiv from here, or it does not answer.
    """
    return await asyncio.to_thread(_search, query, limit, address)


def _search(query: str, limit: int, address: str) -> list[str]:
    words = {"search_query": f"all:{query}", "max_results": str(limit), "sortBy": "relevance"}
    try:
        url = f"{address}?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            tree = ElementTree.fromstring(answer.read(_MOST_BYTES))
    except (OSError, urllib.error.URLError, ElementTree.ParseError) as error:
        why = str(getattr(error, "reason", error))
        raise ResearcherError(f"arXiv cannot be reached from here: {why}; go on without") from None
    return [_paper(entry) for entry in tree.iter(f"{_ATOM}entry")]


def _paper(entry: ElementTree.Element) -> str:
    def text(name: str) -> str:
        return " ".join((entry.findtext(f"{_ATOM}{name}") or "").split())

    name = text("id").rpartition("/")[2]
    return f"arXiv:{name} ({text('published')[:4]}) {text('title')}\n{text('summary')[:1500]}"
