-- Views of the monitor's tables: each key once, as it stands now. Made after the tables.

CREATE VIEW IF NOT EXISTS kpi AS
SELECT indicator, grain, window_start, stage, touchpoint, channel, tier, department, region, sum(value) AS value
FROM kpis FINAL
GROUP BY indicator, grain, window_start, stage, touchpoint, channel, tier, department, region;

CREATE VIEW IF NOT EXISTS kpi_now AS SELECT * FROM kpis FINAL;

CREATE VIEW IF NOT EXISTS events_now AS SELECT * FROM events FINAL;

CREATE VIEW IF NOT EXISTS moments_now AS SELECT * FROM moments FINAL;

CREATE VIEW IF NOT EXISTS transitions_now AS SELECT * FROM journey_transitions FINAL;

CREATE VIEW IF NOT EXISTS handoffs_now AS SELECT * FROM handoffs FINAL;

CREATE VIEW IF NOT EXISTS dead_letters_now AS SELECT * FROM dead_letters FINAL;

CREATE VIEW IF NOT EXISTS indicator_now AS SELECT * FROM indicator_rows FINAL;

CREATE VIEW IF NOT EXISTS indicators AS SELECT * FROM indicator_registry FINAL;

CREATE VIEW IF NOT EXISTS policy_steps_now AS SELECT * FROM policy_steps FINAL;

CREATE VIEW IF NOT EXISTS customers_known AS
SELECT
    customer_id,
    argMaxMerge(c.tier) AS tier,
    if(argMaxIfMerge(c.region) = '', 'unknown', argMaxIfMerge(c.region)) AS region,
    argMaxIfMerge(c.manager) AS manager,
    argMaxIfMerge(c.bill).1 AS monthly_minor,
    argMaxIfMerge(c.bill).2 AS currency,
    min(c.seen_first) AS seen_first,
    max(c.seen_last) AS seen_last,
    if(max(c.left_at) = toDateTime64(0, 3, 'UTC'), NULL, max(c.left_at)) AS left_at
FROM customer_states AS c
GROUP BY customer_id;

CREATE VIEW IF NOT EXISTS customers_now AS SELECT * FROM customers FINAL;

CREATE VIEW IF NOT EXISTS mot_power_now AS
SELECT * FROM mot_power FINAL WHERE version = (SELECT max(version) FROM mot_power);

CREATE VIEW IF NOT EXISTS external_now AS SELECT * FROM external_values FINAL;
