"""The pages of the site, in the order of the navigation: where each stands and which of the shared parts it takes.

A page named `x` is `content/x.html` inside the shell, started by `static/js/x.js`, with its own words in
`static/i18n/<language>/x.json`. README.md says how one is added. Must not know what any page shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PageSpec:
    """One page. `texts` are further files of words it uses beside `shared` and its own; `styles` its own CSS.

    `place` says where the link to it stands; `charts` whether the drawing library is loaded.
    """

    name: str
    address: str
    place: Literal["navigation", "footer"] = "navigation"
    charts: bool = True
    texts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Files of words under `static/i18n/<language>/`, later ones adding to earlier ones."""
        return ("shared", *self.texts, self.name)


PAGES: tuple[PageSpec, ...] = (
    PageSpec("forecast", "/"),
    PageSpec("scenarios", "/scenarios", texts=("forecast", "changes"), styles=("scenarios",)),
    PageSpec("acceptance", "/acceptatie", texts=("forecast",), styles=("acceptance",)),
    PageSpec("ledger", "/grootboek", charts=False, texts=("changes",), styles=("ledger",)),
    PageSpec("evaluation", "/evaluatie", styles=("evaluation",)),
    PageSpec("accessibility", "/toegankelijkheid", place="footer", charts=False),
)
