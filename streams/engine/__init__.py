"""The event-time engine: one per partition, pure, the same in every runner."""
