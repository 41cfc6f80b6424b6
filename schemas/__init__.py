"""What facts look like: events, moments, dead letters, KPI rows; their one codec."""
