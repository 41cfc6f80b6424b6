"""Every indicator counted again, by hand: plain Python over the log, written from the definitions' words alone."""
