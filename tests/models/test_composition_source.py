"""Which figures, nationalities and anchors a forecast of shares stands on."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from models.composition.data import OTHER, TOTAL
from models.composition.source import known_composition, largest, shares_elsewhere

SERIES = "first_applications"
AS_OF = date(2022, 3, 1)


def rows(
    geo: str, counts: dict[str, float | None], first: str = "2020-01", months: int = 24, **columns: object
) -> pd.DataFrame:
    """The same counts every month, each known on the 20th of the next."""
    periods = np.datetime64(first, "M") + np.arange(months)
    frame = pd.DataFrame(
        [
            {
                "series": SERIES, "source": "eurostat", "geo": geo, "citizen": citizen, "track": "",
                "period": str(month), "value": value, "flag": "", "known_at": f"{month + 1}-20",
            }
            for month in periods
            for citizen, value in counts.items()
        ]
    )  # fmt: skip
    return frame.assign(**columns)


def everything() -> pd.DataFrame:
    return pd.concat(
        [
            rows("NL", {"SY": 400, "TR": 100, "IR": 5, TOTAL: 700}),
            rows("DE", {"SY": 1_000, "TR": 2_000, TOTAL: 5_000}),
            rows("FR", {"SY": 100, TOTAL: 1_000}, months=20),
            rows("EU27_2020", {"SY": 9_000, TOTAL: 9_000}),
        ],
        ignore_index=True,
    )


def test_largest_first_and_everyone_else_is_other() -> None:
    data = known_composition(everything(), SERIES, "NL", AS_OF, most=2)
    assert data is not None
    assert data.citizens == ("SY", "TR", OTHER)
    assert len(data) == 24
    assert data.counts[0].tolist() == [400, 100, 200]


def test_the_anchor_is_of_whole_years_in_other_countries() -> None:
    known = everything()
    shares = shares_elsewhere(known, "NL", ("SY", "TR"))
    assert shares is not None
    by_year = shares.set_index("period")
    # France told Syria only, and stopped in August 2021: a full year in 2020, none in 2021.
    assert by_year.loc["2020", "SY"] == pytest.approx(1_100 / 6_000)
    assert by_year.loc["2021", ["SY", "TR", OTHER]].tolist() == pytest.approx([0.2, 0.4, 0.4])
    assert shares_elsewhere(known[known["geo"] == "NL"], "NL", ("SY", "TR")) is None


def test_nothing_published_later_is_seen() -> None:
    known = everything()
    late = known.assign(value=1, known_at="2022-06-01")
    before = known_composition(known, SERIES, "NL", AS_OF)
    with_late = known_composition(pd.concat([known, late]), SERIES, "NL", AS_OF)
    seen = known_composition(pd.concat([known, late]), SERIES, "NL", date(2022, 7, 1))
    assert before is not None and with_late is not None and seen is not None
    assert np.array_equal(before.counts, with_late.counts, equal_nan=True)
    assert np.array_equal(before.anchor_now, with_late.anchor_now, equal_nan=True)
    assert not np.array_equal(before.counts, seen.counts, equal_nan=True)


def test_the_source_that_tells_most_apart_is_taken() -> None:
    kmi = rows("NL", {"SY": 390, TOTAL: 690}, first="2019-01", months=36, source="kmi")
    data = known_composition(pd.concat([everything(), kmi]), SERIES, "NL", AS_OF)
    assert data is not None
    assert data.citizens == ("SY", OTHER)
    assert len(data) == 36


def test_codes_that_are_no_nationality_stay_in_the_rest() -> None:
    counts = {"SY": 400, "UNK": 100, "STLS": 50, "EXT_EU27_2020": 690, TOTAL: 700}
    data = known_composition(rows("NL", counts), SERIES, "NL", AS_OF)
    assert data is not None
    assert data.citizens == ("SY", OTHER)
    assert data.counts[0].tolist() == [400, 300]


@pytest.mark.parametrize(
    "frame",
    [
        rows("NL", {TOTAL: 700}),
        rows("NL", {"SY": 400, TOTAL: 700}, months=11),
        rows("DE", {"SY": 400, TOTAL: 700}),
        rows("NL", {"SY": 400, TOTAL: 700}, series="decisions_total"),
        rows("NL", {"SY": 400, TOTAL: 700}, track="1"),
        rows("NL", {"SY": None, TOTAL: 700}),
    ],
)
def test_too_little_gives_no_composition(frame: pd.DataFrame) -> None:
    assert known_composition(frame, SERIES, "NL", AS_OF) is None


def test_a_nationality_of_long_ago_makes_room() -> None:
    old = rows("NL", {"IQ": 9_000}, first="2010-01", months=12)
    recent = rows("NL", {"SY": 4, "TR": 4, "AF": 9})
    assert largest(pd.concat([old, recent]), 2) == ("AF", "SY")


def years(
    geo: str, counts: dict[str, float], first: int, last: int, source: str = "eurostat"
) -> pd.DataFrame:
    """The same counts every year, each known in April of the next."""
    months = rows(geo, counts, months=1, source=source)
    each = [months.assign(period=str(y), known_at=f"{y + 1}-04-01") for y in range(first, last + 1)]
    return pd.concat(each, ignore_index=True)


def test_years_of_another_source_stand_where_the_first_has_none() -> None:
    totals = rows("NL", {TOTAL: 700}, first="2016-01", months=72)
    months = rows("NL", {"SY": 400, "TR": 100}, source="cbs")
    yearly = years("NL", {"SY": 4_700, "TR": 1_300, "IR": 900}, 2016, 2021)
    data = known_composition(pd.concat([totals, months, yearly]), SERIES, "NL", AS_OF)
    assert data is not None
    assert data.citizens == ("SY", "TR", "IR", OTHER)
    whole = [i for i in range(len(data)) if data.spans[i] == 12]
    ends = [str(data.last_months[i]) for i in whole]
    assert ends == ["2016-12", "2017-12", "2018-12", "2019-12", "2020-12"]  # 2021's is published in April
    assert data.counts[whole[0]].tolist() == [4_700, 1_300, 900, 12 * 700 - 4_700 - 1_300 - 900]
    # The months of 2020 say how Syrians and Turks divide: the year says what they are together beside all others.
    assert data.group[whole[-1]].tolist() == [0, 0, 1, 2]
    assert data.counts[whole[-1], :3].tolist() == [6_000, 900, 12 * 700 - 6_000 - 900]


def test_a_year_whose_total_is_not_known_tells_the_named_apart_only() -> None:
    data = known_composition(years("NL", {"SY": 4_700, "TR": 1_300}, 2008, 2020), SERIES, "NL", AS_OF)
    assert data is not None
    assert data.counts[0, :2].tolist() == [4_700, 1_300]
    assert np.isnan(data.counts[0, 2])


def test_nobody_counts_twice_where_months_and_years_name_the_same() -> None:
    months = rows("NL", {"SY": 100, "TR": 90}, months=24)
    yearly = years("NL", {"TR": 1_080, "IR": 1_150}, 2020, 2021)
    assert largest(pd.concat([months, yearly]), 3) == ("SY", "IR", "TR")


def test_the_anchor_reads_years_beside_months() -> None:
    germany = [rows("DE", {TOTAL: 5_000}), years("DE", {"SY": 12_000, "TR": 24_000}, 2020, 2021)]
    france = rows("FR", {"SY": 100, TOTAL: 1_000})
    shares = shares_elsewhere(pd.concat([*germany, france]), "NL", ("SY", "TR"))
    assert shares is not None
    both = shares.set_index("period").loc["2021", ["SY", "TR", OTHER]].tolist()
    assert both == pytest.approx([13_200 / 72_000, 24_000 / 72_000, 34_800 / 72_000])
