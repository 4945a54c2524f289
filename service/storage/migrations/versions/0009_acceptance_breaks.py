"""Declared breaks of policy: which ones a fit knows, by the ledger entry that declared them, and its job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "acceptance_breaks",
        sa.Column("entry", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("forecast_id", sa.String(36), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("result_hash", sa.String(64), nullable=False),
        sa.Column("breaks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_acceptance_breaks"),
        sa.ForeignKeyConstraint(["forecast_id"], ["forecasts.id"], name="fk_acceptance_breaks_forecast_id"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_acceptance_breaks_job_id"),
    )
    op.create_index("ix_acceptance_breaks_forecast_id", "acceptance_breaks", ["forecast_id"])


def downgrade() -> None:
    op.drop_table("acceptance_breaks")
