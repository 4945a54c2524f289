"""Realisations with their deliveries, scenario sets with their versions, the ledger and the audit log.

Triggers refuse to change or remove a row of the append-only tables: what was known, stated or logged stays.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "realisations",
    "deliveries",
    "confirmations",
    "scenario_set_versions",
    "ledger_entries",
    "audit_entries",
)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _deliveries()
    _realisations()
    _scenario_sets()
    _ledger_and_audit()
    for table in APPEND_ONLY:
        _refuse_changes(table)


def downgrade() -> None:
    for table in ("audit_entries", "ledger_entries", "scenario_set_versions", "scenario_sets"):
        op.drop_table(table)
    op.drop_table("confirmations")
    op.drop_table("realisations")
    op.drop_table("deliveries")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION instroom_append_only()")


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("origin", sa.String(200), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("revised", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("vintage", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("number", name="uq_deliveries_number"),
    )


def _realisations() -> None:
    op.create_table(
        "realisations",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("series", sa.String(40), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("geo", sa.String(12), nullable=False),
        sa.Column("citizen", sa.String(12), nullable=False),
        sa.Column("track", sa.String(40), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("flag", sa.String(40), nullable=False),
        sa.Column("known_at", sa.Date(), nullable=False),
        sa.Column("delivery_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_realisations"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_realisations_delivery_id"),
        sa.CheckConstraint("value IS NULL OR value >= 0", name="ck_realisations_value_not_negative"),
    )
    target = ["series", "geo", "citizen", "source", "track", "period"]
    op.create_index("ix_realisations_" + "_".join(target), "realisations", target)
    op.create_table(
        "confirmations",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.String(36), nullable=False),
        sa.Column("known_at", sa.Date(), nullable=False),
        sa.Column("ranges", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_confirmations"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_confirmations_delivery_id"),
    )
    op.create_index("ix_confirmations_known_at", "confirmations", ["known_at"])


def _scenario_sets() -> None:
    op.create_table(
        "scenario_sets",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scenario_sets"),
        sa.UniqueConstraint("number", name="uq_scenario_sets_number"),
    )
    op.create_table(
        "scenario_set_versions",
        sa.Column("set_id", sa.String(36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("set_id", "version", name="pk_scenario_set_versions"),
        sa.ForeignKeyConstraint(["set_id"], ["scenario_sets.id"], name="fk_scenario_set_versions_set_id"),
    )


def _ledger_and_audit() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_ledger_entries"),
        sa.UniqueConstraint("entry_hash", name="uq_ledger_entries_entry_hash"),
    )
    op.create_index("ix_ledger_entries_subject", "ledger_entries", ["subject"])
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
    )


def _refuse_changes(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION instroom_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION instroom_append_only()"
    )
