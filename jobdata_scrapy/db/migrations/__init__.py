"""NNN_name.py, in order, each with `migrate(migrator, database, *, fake=False)`: https://github.com/klen/peewee_migrate.

A migration that has been released is never edited; its models are frozen copies. MySQL commits each statement of a schema change
by itself, so a migration must be able to go on where a killed process left it (`schema_steps`).
"""
