"""Acceptance rates: which run belongs to a forecast, and the job that computes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "acceptance_runs",
        sa.Column("forecast_id", sa.String(36), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("result_hash", sa.String(64), nullable=False),
        sa.Column("known_rows", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("forecast_id", name="pk_acceptance_runs"),
        sa.ForeignKeyConstraint(["forecast_id"], ["forecasts.id"], name="fk_acceptance_runs_forecast_id"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_acceptance_runs_job_id"),
    )


def downgrade() -> None:
    op.drop_table("acceptance_runs")
