"""Everything this product knows about a Kafka cluster: settings, topics, records on the wire, and the operator's tools."""
