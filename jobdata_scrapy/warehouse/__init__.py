"""The ClickHouse side: client, local server, schema, rows, writer, status."""
