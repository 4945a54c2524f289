"""The archive of issued forecasts; its triggers refuse to change or remove a row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = "archived_forecasts"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("supersedes", sa.String(36), nullable=True),
        sa.Column("series", sa.String(40), nullable=False),
        sa.Column("geo", sa.String(12), nullable=False),
        sa.Column("citizen", sa.String(20), nullable=False),
        sa.Column("edition", sa.String(64), nullable=False),
        sa.Column("issuer", sa.String(200), nullable=False),
        sa.Column("expert", sa.String(200), nullable=True),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("target_year", sa.Integer(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("cutoff", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(200), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_archived_forecasts"),
        sa.UniqueConstraint("number", name="uq_archived_forecasts_number"),
        sa.UniqueConstraint("supersedes", name="uq_archived_forecasts_supersedes"),
        sa.ForeignKeyConstraint(["supersedes"], [f"{TABLE}.id"], name="fk_archived_forecasts_supersedes"),
    )
    op.create_index("uq_archived_forecasts_key_version", TABLE, ["key_hash", "version"], unique=True)
    op.create_index(
        "ix_archived_forecasts_target", TABLE, ["series", "geo", "citizen", "stage", "target_year"]
    )
    op.create_index("ix_archived_forecasts_edition", TABLE, ["edition"])
    refuse_changes(TABLE)


def downgrade() -> None:
    op.drop_table(TABLE)


def refuse_changes(table: str) -> None:
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
