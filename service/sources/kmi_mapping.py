"""The mapping file of a deliverer: how its columns, words and numbers become ours. TOML, checked by a schema.

    name = "..."                      # and description
    [columns]   period = "maand"      # ours = theirs
    [constants] source = "kmi"
    [translate.citizen] "Syrië" = "SY"          # their value = ours; capitals do not matter
    [keep] / [drop]  soort = ["eerste"]         # rows are chosen on the value of one of their columns
    [period] format = "MM-YYYY"                 # of YYYY, MM, DD, MMMM (month name, Dutch or English), Q
    [number] decimal = "," thousands = "." missing = ["-"]
    [known_at] lag_days = 45  (rule)  or  format = "DD-MM-YYYY" (of the column mapped to known_at)
    ignore = ["kolom"]  date_columns = ["exportdatum"]
Must not know file formats, nor what the checks of a delivery are.
"""

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from service.sources.kmi_cells import layout_fault
from service.sources.personal_data import personal_column
from service.sources.row_checks import DELIVERY_COLUMNS, REQUIRED_COLUMNS

MAPPINGS = Path(__file__).parent / "mappings"
Ours = Literal["series", "source", "geo", "citizen", "track", "period", "value", "flag", "known_at"]


class MappingInvalid(ValueError):
    """A mapping file cannot be used; `faults` lists every reason with its place in the file."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileFormat(_Part):
    """How the file is laid out; `sheet` and `header_row` are of workbooks, the other two of CSV."""

    sheet: str | None = None
    header_row: int = Field(default=1, ge=1, le=100)
    delimiter: Literal[",", ";", "\t"] | None = None
    encoding: Literal["utf-8-sig", "cp1252"] = "utf-8-sig"


class NumberFormat(_Part):
    """How counts are written, and what stands for 'not available'."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    missing: tuple[str, ...] = ("",)


class PeriodFormat(_Part):
    format: str = "YYYY-MM"


class KnownAtRule(_Part):
    """Either a lag after the end of the period, or the mapped column's format (without DD: month's end)."""

    lag_days: int | None = Field(default=None, ge=0, le=3650)
    format: str = "YYYY-MM-DD"


class SourceMapping(_Part):
    """A checked mapping file."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    description: str = ""
    file: FileFormat = FileFormat()
    columns: dict[Ours, str]
    constants: dict[Ours, str] = {}
    translate: dict[Ours, dict[str, str]] = {}
    keep: dict[str, tuple[str, ...]] = {}
    drop: dict[str, tuple[str, ...]] = {}
    period: PeriodFormat = PeriodFormat()
    number: NumberFormat = NumberFormat()
    known_at: KnownAtRule | None = None
    ignore: tuple[str, ...] = ()
    date_columns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        faults = [
            f"{name} is in neither [columns] nor [constants]"
            for name in REQUIRED_COLUMNS
            if name not in self.columns and name not in self.constants
        ]
        faults += [
            f"{name} is in both [columns] and [constants]" for name in self.columns if name in self.constants
        ]
        faults += [
            f"[translate.{name}] has no column in [columns]"
            for name in self.translate
            if name not in self.columns
        ]
        faults += [
            f"column {name} {reason[0]}"
            for name in self.known_columns()
            if (reason := personal_column(name)) is not None
        ]
        dated = "known_at" in self.columns or "known_at" in self.constants
        if dated and self.known_at is not None and self.known_at.lag_days is not None:
            faults.append("known_at has both a column or constant and lag_days")
        faults += [
            fault
            for fault in (
                layout_fault(self.period.format, ("MM", "MMMM", "Q")),
                layout_fault(self.known_at.format, ("MM", "MMMM")) if self.known_at else None,
            )
            if fault is not None
        ]
        if self.number.decimal == self.number.thousands:
            faults.append("decimal and thousands are the same sign")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def known_columns(self) -> tuple[str, ...]:
        """Every column of theirs that the mapping declares, in order of first mention."""
        named = [*self.columns.values(), *self.keep, *self.drop, *self.ignore, *self.date_columns]
        return tuple(dict.fromkeys(named))

    @property
    def lag_days(self) -> int | None:
        """The lag of the rule that reconstructs `known_at`, or None when it is delivered."""
        return None if self.known_at is None else self.known_at.lag_days


def parse_mapping(data: bytes) -> SourceMapping:
    """The mapping in a TOML file; raises MappingInvalid with every fault."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
        return SourceMapping.model_validate(table)
    except UnicodeDecodeError:
        raise MappingInvalid(("not UTF-8 text",)) from None
    except tomllib.TOMLDecodeError as error:
        raise MappingInvalid((f"not TOML: {error}",)) from None
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, item['loc'])) or 'mapping'}: {item['msg']}" for item in error.errors())
        raise MappingInvalid(tuple(faults)) from None


def load_mapping(name: str | Path) -> SourceMapping:
    """A bundled mapping by its name, or any mapping by its path; raises MappingInvalid."""
    path = Path(name)
    bundled = MAPPINGS / f"{name}.toml"
    source = bundled if path.suffix != ".toml" and bundled.is_file() else path
    if not source.is_file():
        raise MappingInvalid((f"no mapping {name}; bundled are {', '.join(bundled_mappings())}",))
    return parse_mapping(source.read_bytes())


def bundled_mappings() -> tuple[str, ...]:
    """Names of the mapping files that come along."""
    return tuple(sorted(path.stem for path in MAPPINGS.glob("*.toml")))


assert set(DELIVERY_COLUMNS) == set(Ours.__args__)  # type: ignore[attr-defined]
