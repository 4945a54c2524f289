"""The bulk TSV layout: codes, periods, flags after the number, missing cells, cut-off files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service.sources.eurostat_tsv import TsvError, parse_tsv
from tests.sources.cubes import BULK


def test_numbers_flags_and_missing_cells() -> None:
    cells = parse_tsv(BULK).cells
    assert cells["time"].tolist() == ["2024-01", "2024-02", "2024-03"] * 3
    assert cells["geo"].tolist() == ["NL"] * 3 + ["DE"] * 3 + ["NL"] * 3
    np.testing.assert_array_equal(cells["value"], [3215, 123, np.nan, np.nan, np.nan, 17, 5, 0, np.nan])
    assert cells["flag"].tolist() == ["", "p", "", "c", "|C", "bd", "p|C", "", "|C"]


def test_rows_are_chosen_by_their_codes() -> None:
    cube = parse_tsv(BULK, {"applicant": {"FRST"}, "geo": {"NL", "FR"}})
    assert cube.codes["geo"] == ("NL",)
    assert len(cube.cells) == 3
    assert len(parse_tsv(BULK, {"geo": {"FR"}}).cells) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"geo,time\n",
        BULK[:-12],
        BULK.replace(b"NL\t3215", b"NL,X\t3215"),
        BULK.replace(b"3215 ", b"KG "),
    ],
)
def test_what_is_no_whole_file_is_an_error(data: bytes) -> None:
    with pytest.raises(TsvError):
        parse_tsv(data)


def test_a_transcribed_bulk_file(real: Callable[[str], Path]) -> None:
    data = real("raw_samples/tsv_bulk_ds-059358_de_2022.tsv").read_bytes()
    cells = parse_tsv(data, {"indicators": {"PRODVAL", "OWNVALFLAG", "EXPVAL"}}).cells
    by = cells.set_index(["product", "indicators"])
    assert by.loc[("20143440", "PRODVAL"), "value"] == 124_243_000
    assert by.loc[("20143420", "OWNVALFLAG"), "flag"] == "|C"
    with pytest.raises(TsvError, match="neither a number nor missing"):
        parse_tsv(data, {"indicators": {"QNTUNIT"}})
