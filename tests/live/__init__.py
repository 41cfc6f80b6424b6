"""The live worker against a real broker: a bed of processes, and ledgers of what went in and what came out."""
