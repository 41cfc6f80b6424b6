"""The parts of the live worker: Kafka in, the engine in the middle, Kafka out, state that another worker can take over."""
