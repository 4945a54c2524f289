"""An invented archive and invented outcomes for tests of evaluations: nothing here was ever issued."""

from __future__ import annotations

from typing import Any

OUTCOMES = {
    "2017": 18_000, "2018": 20_000, "2019": 22_500, "2020": 13_700, "2021": 24_700, "2022": 35_500, "2023": 38_400,
}  # fmt: skip
_LEVELS = (0.125, 0.5, 2 / 3, 0.875)


def stated(edition: str, year: int, stage: str, **form: Any) -> dict[str, Any]:
    return {
        "series": "first_applications",
        "geo": "NL",
        "edition": edition,
        "issuedOn": f"{edition[:4]}-04-01" if edition[:4].isdigit() else "2019-04-01",
        "cutoff": f"{edition[:4]}-03-01" if edition[:4].isdigit() else "2019-03-01",
        "targetYear": year,
        "stage": stage,
        "issuer": "MPP",
        **form,
    }


def quantiles(median: float) -> list[dict[str, float]]:
    return [
        {"level": level, "value": median * share}
        for level, share in zip(_LEVELS, (0.7, 1.0, 1.1, 1.4), strict=True)
    ]


def _archive() -> list[dict[str, Any]]:
    """Each spring a forecast of its own year, at two stages; the experts' 5% lower."""
    medians = {
        2017: 20_000,
        2018: 19_000,
        2019: 24_000,
        2020: 21_000,
        2021: 19_000,
        2022: 33_000,
        2023: 45_000,
    }
    adopted = [stated(str(y), y, "adopted", quantiles=quantiles(m)) for y, m in medians.items()]
    experts = [stated(str(y), y, "experts", quantiles=quantiles(0.95 * m)) for y, m in medians.items()]
    return adopted + experts


ARCHIVE = _archive()


def _others() -> list[dict[str, Any]]:
    """One forecast alone; one issued too late among two in time; two of another country."""
    single = [stated("2019", 2019, "adopted", point=24_000)]
    late = [stated(str(year), year, "adopted", point=20_000) for year in (2019, 2020)]
    late.append(stated("2022-late", 2021, "adopted", point=25_000))
    abroad = [stated(str(year), year, "adopted", point=30_000, geo="BE") for year in (2017, 2018)]
    return [
        {**one, "issuer": issuer}
        for issuer, forecasts in (("single", single), ("late among others", late), ("Abroad", abroad))
        for one in forecasts
    ]


OTHERS = _others()


def asked(**changes: Any) -> dict[str, Any]:
    """A request for an evaluation of the archive against OUTCOMES."""
    return {
        "filter": {"series": "first_applications", "geo": "NL", "issuer": "MPP"},
        "realisations": {"values": OUTCOMES},
        "seed": 1,
        **changes,
    }


def published(as_of: str) -> dict[str, Any]:
    return asked(realisations={"source": "kmi", "asOf": as_of})
