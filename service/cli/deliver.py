"""`instroom import` and `instroom fetch`: realisations into the database, all rows of a delivery or none.

The same parsers and the same store as the HTTP interface. A dry run says what would be new or revised.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import typer
from rich.table import Table

from service.cli.terminal import actor, err, open_sessions, refuse, say
from service.settings import Settings
from service.sources.delivery import parse_delivery_csv, parse_delivery_json
from service.sources.eurostat import EUROSTAT_API, YEARLY, EurostatDelivery, EurostatRequest, fetch
from service.sources.eurostat_http import EurostatClient, EurostatError
from service.sources.refusal import DeliveryRefused
from service.storage.audit import record_action
from service.storage.base import writing
from service.storage.realisations import examine_delivery, store_delivery

_SHOWN_FAULTS = 20


def import_file(settings: Settings, file: Path, mapping: Path | None, *, dry_run: bool) -> None:
    """Read FILE whole, or say what is wrong with it row by row and end with status 1."""
    try:
        frame = _read(file, mapping)
    except DeliveryRefused as refusal:
        _show_faults(file, refusal)
        raise typer.Exit(1) from None
    _store(settings, frame, file.name, dry_run=dry_run)


def _read(file: Path, mapping: Path | None) -> pd.DataFrame:
    received = datetime.now(UTC)
    if mapping is not None:
        return _read_mapped(file, mapping, received)
    if file.suffix.lower() == ".csv":
        return parse_delivery_csv(file.read_bytes(), received_at=received)
    if file.suffix.lower() != ".json":
        refuse(f"{file.name} needs --mapping; without one only .csv and .json in delivery shape are read.")
    try:
        items = json.loads(file.read_bytes())
    except ValueError as error:
        refuse(f"{file.name} is not JSON: {error}", code=1)
    return parse_delivery_json(items, received_at=received)


def _read_mapped(file: Path, mapping: Path, received: datetime) -> pd.DataFrame:
    """A file in its maker's layout; `mapping` is a file, or the name of one that comes along."""
    from service.sources.kmi import parse_kmi_delivery
    from service.sources.kmi_mapping import MappingInvalid, load_mapping

    try:
        chosen = load_mapping(mapping)
    except MappingInvalid as error:
        refuse(f"The mapping {mapping} cannot be used: {error}", code=1)
    delivery = parse_kmi_delivery(file.read_bytes(), chosen, received)
    for note in delivery.notes:
        say(note)
    return delivery.frame


def fetch_eurostat(
    settings: Settings,
    geo: Sequence[str],
    series: str,
    since: str,
    *,
    publication_lag_days: int | None,
    nationalities: bool,
    dry_run: bool,
) -> None:
    """Fetch from Eurostat through the cache in the data directory, and store what is new or revised.

    With `nationalities` also the finished years by nationality, where the series has them: all in one delivery.
    """
    months = EurostatRequest(series, tuple(geo), since, publication_lag_days=publication_lag_days)
    requests = [months]
    if nationalities and series in YEARLY:
        requests.append(replace(months, citizen=(), yearly=True))
    try:
        with (
            EurostatClient(EUROSTAT_API, settings.data_dir / "cache" / "eurostat.sqlite") as client,
            err.status("Asking Eurostat"),
        ):
            deliveries = [fetch(request, client) for request in requests]
    except EurostatError as error:
        refuse(str(error), code=1)
    for line in _told(deliveries):
        say(line)
    frame = pd.concat([delivery.frame for delivery in deliveries], ignore_index=True)
    _store(settings, frame, "eurostat", dry_run=dry_run)


def _told(deliveries: Sequence[EurostatDelivery]) -> tuple[str, ...]:
    """Notes and warnings of all, each once."""
    lines = [line for one in deliveries for line in (*one.notes, *one.warnings)]
    return tuple(dict.fromkeys(lines))


def _store(settings: Settings, frame: pd.DataFrame, origin: str, *, dry_run: bool) -> None:
    with open_sessions(settings) as sessions, writing(sessions) as session:
        if dry_run:
            result = examine_delivery(session, frame)
        else:
            result = store_delivery(session, frame, origin, actor())
            record_action(session, actor(), "admin", "store delivery", f"delivery:{result.delivery_id}")
    say(
        f"{'Would store' if dry_run else 'Stored'} {result.new} new and {result.revised} revised of "
        f"{result.rows} rows; {result.unchanged} unchanged. Vintage {result.vintage[:12]}."
    )


def _show_faults(file: Path, refusal: DeliveryRefused) -> None:
    table = Table("row", "field", "fault", box=None, pad_edge=False)
    for fault in refusal.errors[:_SHOWN_FAULTS]:
        table.add_row("" if fault.row is None else str(fault.row), fault.field, fault.detail)
    err.print(f"instroom: {file.name} is refused whole; nothing is stored.", style="red", markup=False)
    err.print(table)
    if len(refusal.errors) > _SHOWN_FAULTS:
        err.print(f"and {len(refusal.errors) - _SHOWN_FAULTS} more faults")
