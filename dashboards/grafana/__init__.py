"""Grafana: dashboards and alert rules as code, what is shipped, and how it gets into a Grafana."""
