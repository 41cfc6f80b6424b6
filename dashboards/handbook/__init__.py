"""The handbook of journeys and indicators, generated from the data themselves; pure: data in, text out."""
