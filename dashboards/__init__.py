"""What people see of the monitor: now the board in a terminal. Knows schemas, journeys and detector metadata only."""
