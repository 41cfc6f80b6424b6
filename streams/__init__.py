"""Everything that touches the world: engine, runners, sources, sinks, stores, command line."""
