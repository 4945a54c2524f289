"""How commands speak: results on standard output, one sentence on standard error when something is refused.

Imports nothing heavy, so that `instroom --help` answers at once.
"""

from __future__ import annotations

import os
from typing import NoReturn

import typer
from rich.console import Console

from service.settings import ConfigurationError, Settings, load_settings

out = Console()
err = Console(stderr=True)


def refuse(sentence: str, code: int = 2) -> NoReturn:
    """End the command with one sentence and without a traceback."""
    err.print(f"instroom: {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code)


def settings_or_refuse() -> Settings:
    """The settings of this environment; a variable that makes no sense ends the command."""
    try:
        return load_settings(os.environ)
    except ConfigurationError as error:
        refuse(str(error))
