"""What a command's exit code means. Nothing is imported here: `mot --help` is to answer at once."""

DONE = 0
FAILED = 1
USAGE = 2
RESTART = 70
"""A worker ended itself: start it again."""
HELD = 75
"""Another process holds the folder: try again later."""
INTERRUPTED = 130
