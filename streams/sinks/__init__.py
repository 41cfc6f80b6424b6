"""Where effects go: ClickHouse, in process or on a server, and plain files."""
