"""The ways to feed the engine: embedded and replay."""
