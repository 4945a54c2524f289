"""How commands speak and reach the database: results on standard output, refusals on standard error.

Imports nothing heavy on top, so that `instroom --help` answers at once.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console

from service.settings import ConfigurationError, Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, sessionmaker

out = Console()
err = Console(stderr=True)


def refuse(sentence: str, code: int = 2) -> NoReturn:
    """End the command with one sentence and without a traceback."""
    err.print(f"instroom: {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code)


def say(sentence: str) -> None:
    """Print a sentence as it is, however long, with nothing read as markup."""
    out.print(sentence, markup=False, highlight=False, soft_wrap=True)


def settings_or_refuse() -> Settings:
    """The settings of this environment; a variable that makes no sense ends the command."""
    try:
        return load_settings(os.environ)
    except ConfigurationError as error:
        refuse(str(error))


def actor() -> str:
    """Who the ledger and the audit log name for what is done from a terminal."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        # A container may run as a number without a name.
        return f"user {os.getuid()} (command line)"


@contextmanager
def open_sessions(settings: Settings, *, migrated: bool = False) -> Iterator[sessionmaker[Session]]:
    """Sessions on the database of these settings, migrated first unless it was; or refuses."""
    from sqlalchemy.exc import SQLAlchemyError

    from service.storage.base import make_engine, migrate, session_factory

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.database_url)
    try:
        try:
            if not migrated:
                migrate(engine)
        except SQLAlchemyError as error:
            refuse(f"The database does not answer: {str(error.__cause__ or error).splitlines()[0]}", code=1)
        yield session_factory(engine)
    finally:
        engine.dispose()
