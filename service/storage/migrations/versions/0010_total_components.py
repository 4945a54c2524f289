"""What a total is the sum of: forecasts, in the order in which they were summed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "total_components",
        sa.Column("total_id", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("forecast_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("total_id", "position", name="pk_total_components"),
        sa.ForeignKeyConstraint(["total_id"], ["forecasts.id"], name="fk_total_components_total_id"),
        sa.ForeignKeyConstraint(["forecast_id"], ["forecasts.id"], name="fk_total_components_forecast_id"),
    )
    op.create_index("ix_total_components_forecast_id", "total_components", ["forecast_id"])


def downgrade() -> None:
    op.drop_table("total_components")
