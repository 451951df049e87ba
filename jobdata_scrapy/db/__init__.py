"""The relational side: SQLite by default, MySQL or MariaDB by DATABASE_URL.

Models are bound to no database; every query function takes the database as its first argument, so that one process may work with
several and none is changed behind another's back. One module per noun owns its queries (`runs`, `coverage`).
"""
