"""calls, and the telephones that are tried when a critical text does not get through"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("text", schema=None) as batch_op:
        batch_op.add_column(sa.Column("channel", sa.String(length=4), nullable=False, server_default="text"))
        batch_op.add_column(sa.Column("same_as_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("premises_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("look_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_text_same_as_id"), ["same_as_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_text_look_at"), ["look_at"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_text_same_as_id_text"), "text", ["same_as_id"], ["id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_text_premises_id_premises"), "premises", ["premises_id"], ["id"]
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_text_channel_is_known"), "channel IN ('text', 'call')"
        )
        batch_op.create_unique_constraint("uq_text_telephone_once", ["same_as_id", "channel", "to_index"])
        batch_op.create_index(
            "uq_text_one_call",
            ["same_as_id"],
            unique=True,
            sqlite_where=sa.text("channel = 'call'"),
            postgresql_where=sa.text("channel = 'call'"),
        )
    with op.batch_alter_table("simulated_text", schema=None) as batch_op:
        batch_op.add_column(sa.Column("call", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Texts on their way to a house when this runs: if one of them is lost, its next telephone is of that house.
    house = "SELECT placement.premises_id FROM placement WHERE placement.id = text.placement_id"
    theirs = (
        "SELECT contact.phone_index FROM contact JOIN placement ON placement.premises_id = contact.premises_id "
        "WHERE placement.id = text.placement_id"
    )
    op.execute(
        f"UPDATE text SET premises_id = ({house}) WHERE critical AND placement_id IS NOT NULL AND to_index IN ({theirs})"  # noqa: S608
    )


def downgrade() -> None:
    # A release that knows no calls would send their words as texts.
    op.execute("DELETE FROM text WHERE channel = 'call'")
    with op.batch_alter_table("simulated_text", schema=None) as batch_op:
        batch_op.drop_column("call")
    with op.batch_alter_table("text", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_text_one_call",
            sqlite_where=sa.text("channel = 'call'"),
            postgresql_where=sa.text("channel = 'call'"),
        )
        batch_op.drop_constraint("uq_text_telephone_once", type_="unique")
        batch_op.drop_constraint(batch_op.f("ck_text_channel_is_known"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_text_premises_id_premises"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_text_same_as_id_text"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_text_look_at"))
        batch_op.drop_index(batch_op.f("ix_text_same_as_id"))
        batch_op.drop_column("look_at")
        batch_op.drop_column("lost_at")
        batch_op.drop_column("premises_id")
        batch_op.drop_column("same_as_id")
        batch_op.drop_column("channel")
