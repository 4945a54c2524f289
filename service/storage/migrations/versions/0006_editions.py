"""Adopted editions and what superseded them; triggers refuse to change or remove either."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "adoptions",
        sa.Column("edition", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("forecast_id", sa.String(36), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("adopted_by", sa.String(200), nullable=False),
        sa.Column("adopted_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("edition", name="pk_adoptions"),
        sa.UniqueConstraint("number", name="uq_adoptions_number"),
        sa.UniqueConstraint("forecast_id", name="uq_adoptions_forecast_id"),
        sa.ForeignKeyConstraint(["forecast_id"], ["forecasts.id"], name="fk_adoptions_forecast_id"),
    )
    op.create_table(
        "supersessions",
        sa.Column("forecast_id", sa.String(36), nullable=False),
        sa.Column("by_forecast_id", sa.String(36), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("forecast_id", name="pk_supersessions"),
        sa.ForeignKeyConstraint(
            ["forecast_id"], ["adoptions.forecast_id"], name="fk_supersessions_forecast_id"
        ),
        sa.ForeignKeyConstraint(
            ["by_forecast_id"], ["adoptions.forecast_id"], name="fk_supersessions_by_forecast_id"
        ),
    )
    for table in ("adoptions", "supersessions"):
        _refuse_changes(table)


def downgrade() -> None:
    op.drop_table("supersessions")
    op.drop_table("adoptions")


def _refuse_changes(table: str) -> None:
    """As for the first append-only tables; PostgreSQL has the function from revision 0001."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION instroom_append_only()"
    )
