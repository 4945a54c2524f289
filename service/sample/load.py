"""Puts the bundled sample into the database: the synthetic data set, the archive, the MPP 2024-2 example.

Idempotent: a row that is there is not stored again, and an example with the same content is the one returned.
Everything stored keeps its label: source `synthetic`, and an example that calls itself a reconstruction.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from sqlalchemy.orm import Session

from priors.hashing import content_hash
from priors.scenario import ScenarioSet, parse_scenario_set
from service.archive_intake import entries_of_table
from service.scenario_changes import create_scenario_set
from service.sources.delivery import parse_delivery_csv
from service.storage.archive import ArchiveFilter, add_entries, list_entries
from service.storage.realisations import examine_delivery, store_delivery
from service.storage.scenario_sets import StoredSet, list_sets

DATA = Path(__file__).parent / "synthetic_realisations.csv.gz"
DECISIONS = Path(__file__).parent / "synthetic_decisions.csv.gz"
NATIONALITIES = Path(__file__).parent / "synthetic_nationalities.csv.gz"
EXAMPLE = Path(__file__).parent / "mpp_2024_2.json"
SYNTHETIC_ARCHIVE = Path(__file__).parent / "synthetic_archive.csv.gz"
PUBLISHED_FORECASTS = Path(__file__).parent / "published_forecasts.csv"
ORIGIN = "sample: synthetic data set, not real counts"


def load_sample(session: Session, actor: str) -> StoredSet:
    """Store what is not there yet, within the caller's writing transaction; returns the example edition."""
    frame = pd.concat([_parsed(path) for path in (DATA, NATIONALITIES, DECISIONS)], ignore_index=True)
    planned = examine_delivery(session, frame)
    if planned.new or planned.revised:
        store_delivery(session, frame, ORIGIN, actor)
    load_archive(session, actor)
    record = example_set()
    wanted = content_hash(record)
    present = (stored for stored in _sets(session) if stored.content_hash == wanted)
    return next(present, None) or create_scenario_set(session, record, actor)


def load_archive(session: Session, actor: str) -> None:
    """The synthetic archive and the published figures of MPP 2024-2, each unless its issuer is there."""
    for file in (SYNTHETIC_ARCHIVE, PUBLISHED_FORECASTS):
        packed = file.read_bytes()
        entries, _ = entries_of_table(gzip.decompress(packed) if file.suffix == ".gz" else packed)
        if not list_entries(session, ArchiveFilter(issuer=(entries[0].key.issuer,)), 1, 1).total:
            add_entries(session, entries, f"sample: {file.name}", actor)


def _parsed(path: Path) -> pd.DataFrame:
    return parse_delivery_csv(gzip.decompress(path.read_bytes()))


def example_set() -> ScenarioSet:
    """The reconstruction of MPP 2024-2 that comes along."""
    return parse_scenario_set(json.loads(EXAMPLE.read_text(encoding="utf-8")))


def _sets(session: Session) -> Iterator[StoredSet]:
    number = 1
    while (page := list_sets(session, number, 100)).items:
        yield from page.items
        number += 1
