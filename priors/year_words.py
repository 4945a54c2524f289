"""Years as runs, the same in every sentence and language: 2017–2019, 2022. Must not know what the years are of."""

from __future__ import annotations

from collections.abc import Iterable


def years_in_words(years: Iterable[int], none: str = "") -> str:
    """Runs of three years and more by their ends, others one by one; `none` where there is no year."""
    runs: list[list[int]] = []
    for year in sorted(set(years)):
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    said = (f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
    return ", ".join(said) or none
