"""The lifecycle as pure functions and data: stages, touchpoints, journeys, lateness, windows, counters."""
