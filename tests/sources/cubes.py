"""Small Eurostat answers in the shape of migr_asyappctzm: a bulk file, and JSON-stat from stated figures."""

import json
from collections.abc import Mapping, Sequence

BULK = (
    b"freq,unit,citizen,sex,age,applicant,geo\\TIME_PERIOD\t2024-01 \t2024-02 \t2024-03 \n"
    b"M,PER,TOTAL,T,TOTAL,FRST,NL\t3215 \t123 p\t: \n"
    b"M,PER,TOTAL,T,TOTAL,FRST,DE\t: c\t:C\t17 bd\n"
    b"M,PER,TOTAL,T,TOTAL,SUBQ,NL\t5 p|C\t0 \t: @C\n"
)


def asylum_cube(
    series: Mapping[tuple[str, str], Sequence[float | None]],
    months: Sequence[str],
    status: Mapping[int, str] | None = None,
    frequency: str = "M",
) -> bytes:
    """Sparse `value` object over (citizen, geo) x months, dimensions in Eurostat's order."""
    citizens = list(dict.fromkeys(citizen for citizen, _ in series))
    geos = list(dict.fromkeys(geo for _, geo in series))
    names = {
        "freq": [frequency], "unit": ["PER"], "citizen": citizens, "sex": ["T"], "age": ["TOTAL"],
        "applicant": ["FRST"], "geo": geos, "time": list(months),
    }  # fmt: skip
    value = {}
    for (citizen, geo), figures in series.items():
        start = (citizens.index(citizen) * len(geos) + geos.index(geo)) * len(months)
        value |= {str(start + place): figure for place, figure in enumerate(figures) if figure is not None}
    dimension = {
        name: {"category": {"index": {code: place for place, code in enumerate(codes)}}}
        for name, codes in names.items()
    }
    document = {
        "version": "2.0", "class": "dataset", "updated": "2024-07-01T11:00:00+0200", "value": value,
        "id": list(names), "size": [len(codes) for codes in names.values()], "dimension": dimension,
    }  # fmt: skip
    if status:
        document["status"] = {str(place): flag for place, flag in status.items()}
    return json.dumps(document).encode()
