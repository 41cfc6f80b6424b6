"""What this product knows of a Kafka cluster: settings, topics, records on the wire, and the operator's tools."""
