"""The parts of the live worker: Kafka in, the engine, Kafka out, state that another worker can take over."""
