"""The embedded ClickHouse engine (chDB) behind ClickHouse's own HTTP protocol, on loopback.

chDB can be open in one process only, so one owner process per JOBDATA_DIR opens it and serves everybody else. The first
process that needs the store starts it (`starter`), clients keep it alive by a shared lock, idle it ends by itself (`owner`).
Nothing here but `engine` imports chDB, and only the owner imports `engine`: chDB must not be forked.
"""
