"""A seeded simulator of customer journeys: events in order of arrival, and what truly happened to whom."""
