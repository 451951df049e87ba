from tests.db.database_fixtures import config, database, mariadb, mariadb_url, mysql_proc, open_db

__all__ = ["config", "database", "mariadb", "mariadb_url", "mysql_proc", "open_db"]
