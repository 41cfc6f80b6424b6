"""The command line `mot`."""
