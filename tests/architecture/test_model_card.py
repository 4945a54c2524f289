"""The committed model card is of the model that is served, whole, and small."""

from pathlib import Path

from models.request import MODEL_VERSION

DOCS = Path(__file__).parents[2] / "docs"
PARTS = (
    "Data",
    "Equations",
    "Priors",
    "Posterior",
    "Diagnostics",
    "Backtest",
    "Known failures",
    "What it is not for",
)


def test_the_card_is_of_the_model_that_is_served() -> None:
    card = (DOCS / "model_card.md").read_text("utf-8")
    assert f"`{MODEL_VERSION}`" in card, "make docs writes it anew"
    missing = [part for part in PARTS if f"## {part}" not in card]
    assert missing == []
    assert "nan" not in card.lower().split()


def test_its_picture_is_there_and_small() -> None:
    picture = DOCS / "img" / "model_card.png"
    assert 5_000 < picture.stat().st_size < 120_000
