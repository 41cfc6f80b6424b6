-- Tables of the monitor, for ClickHouse in process (chdb) and for a server alike. Every statement may be run again.
--
-- Facts are keyed by their derived id and replaced by version, so that writing one twice changes nothing: read with FINAL, or
-- through the views. KPI rows hold absolute values. Retention counts from `stored_at`, the moment of storing: a log of last
-- year that is read today is kept as long as today's. Fsync is on: an acknowledged row outlives the process and the power.

CREATE TABLE IF NOT EXISTS events
(
    event_id String,
    event_type LowCardinality(String),
    schema_version UInt16 DEFAULT 1,
    occurred_at DateTime64(3, 'UTC'),
    recorded_at DateTime64(3, 'UTC'),
    customer_id String,
    tier LowCardinality(String) DEFAULT 'normal',
    channel LowCardinality(String) DEFAULT 'unknown',
    source LowCardinality(String),
    account_id String,
    line_id String,
    touchpoint_id LowCardinality(String),
    department LowCardinality(String) DEFAULT 'unknown',
    region LowCardinality(String) DEFAULT 'unknown',
    order_id String,
    bill_id String,
    ticket_id String,
    interaction_id String,
    trip_id String,
    outage_id String,
    payment_id String,
    amount_minor Nullable(Int64),
    currency LowCardinality(String),
    attributes String DEFAULT '{}',
    unknown_fields String DEFAULT '{}',
    stage LowCardinality(String),
    touchpoint LowCardinality(String),
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (customer_id, occurred_at, event_id)
TTL stored_at + INTERVAL 400 DAY DELETE
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS moments
(
    moment_id String,
    detector_id LowCardinality(String),
    detector_name LowCardinality(String),
    detector_version UInt16,
    customer_id String,
    scope String,
    stage LowCardinality(String),
    touchpoint LowCardinality(String),
    valence LowCardinality(String),
    severity UInt8,
    tier LowCardinality(String),
    channel LowCardinality(String),
    region LowCardinality(String),
    department LowCardinality(String),
    status LowCardinality(String),
    model_only Bool,
    anchor_at DateTime64(3, 'UTC'),
    decided_at DateTime64(3, 'UTC'),
    retracted_at Nullable(DateTime64(3, 'UTC')),
    evidence_events Array(String),
    evidence_missing String,
    evidence_clause String,
    measures String DEFAULT '{}',
    explanation_zh String,
    explanation_en String,
    recovery_zh String,
    recovery_en String,
    version UInt64,
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(anchor_at)
ORDER BY (moment_id)
TTL stored_at + INTERVAL 400 DAY DELETE
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS journey_transitions
(
    customer_id String,
    event_key UInt64,
    at DateTime64(3, 'UTC'),
    from_stage LowCardinality(String),
    to_stage LowCardinality(String),
    touchpoint LowCardinality(String),
    after_ms Int64,
    version UInt64,
    deleted UInt8,
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(version, deleted)
PARTITION BY toYYYYMM(at)
ORDER BY (customer_id, event_key)
TTL stored_at + INTERVAL 400 DAY DELETE
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS handoffs
(
    event_id String,
    customer_id String,
    case_id String,
    at DateTime64(3, 'UTC'),
    from_desk LowCardinality(String),
    to_desk LowCardinality(String),
    channel LowCardinality(String),
    tier LowCardinality(String),
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (customer_id, case_id, at, event_id)
TTL stored_at + INTERVAL 400 DAY DELETE
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS dead_letters
(
    dead_letter_id String,
    origin LowCardinality(String),
    position UInt64,
    reason LowCardinality(String),
    field LowCardinality(String),
    detail String,
    payload String,
    payload_sha256 String,
    occurred_at Nullable(DateTime64(3, 'UTC')),
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (dead_letter_id)
TTL stored_at + INTERVAL 14 DAY DELETE
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS detector_failures
(
    detector_id LowCardinality(String),
    customer_id String,
    event_id String,
    error String,
    at DateTime64(3, 'UTC'),
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (detector_id, customer_id, event_id)
TTL stored_at + INTERVAL 90 DAY DELETE
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS kpis
(
    indicator LowCardinality(String),
    grain LowCardinality(String),
    window_start DateTime64(3, 'UTC'),
    stage LowCardinality(String),
    touchpoint LowCardinality(String),
    channel LowCardinality(String),
    tier LowCardinality(String),
    department LowCardinality(String),
    region LowCardinality(String),
    partition UInt16,
    value Int64,
    version UInt64,
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY (grain, toYYYYMM(window_start))
ORDER BY (indicator, grain, window_start, stage, touchpoint, channel, tier, department, region, partition)
TTL stored_at + INTERVAL 60 DAY DELETE WHERE grain = 'minute', stored_at + INTERVAL 800 DAY DELETE WHERE grain != 'minute'
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS touchpoints
(
    touchpoint LowCardinality(String),
    stage LowCardinality(String),
    name_zh String,
    name_en String,
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (touchpoint)
TTL stored_at + INTERVAL 3650 DAY DELETE;

CREATE TABLE IF NOT EXISTS runs
(
    run_id String,
    header String,
    summary String DEFAULT '{}',
    records UInt64,
    finished UInt8,
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (run_id)
TTL toDateTime(stored_at) + INTERVAL 800 DAY DELETE;

CREATE VIEW IF NOT EXISTS kpi AS
SELECT indicator, grain, window_start, stage, touchpoint, channel, tier, department, region, sum(value) AS value
FROM kpis FINAL
GROUP BY indicator, grain, window_start, stage, touchpoint, channel, tier, department, region;

CREATE VIEW IF NOT EXISTS events_now AS SELECT * FROM events FINAL;

CREATE VIEW IF NOT EXISTS moments_now AS SELECT * FROM moments FINAL;

CREATE VIEW IF NOT EXISTS transitions_now AS SELECT * FROM journey_transitions FINAL;

CREATE VIEW IF NOT EXISTS handoffs_now AS SELECT * FROM handoffs FINAL;

CREATE VIEW IF NOT EXISTS dead_letters_now AS SELECT * FROM dead_letters FINAL;
