"""Where events come from: files of our own, and any other log through a declared mapping."""
