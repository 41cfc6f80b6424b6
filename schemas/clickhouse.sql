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
ORDER BY (event_type, customer_id, occurred_at, event_id) -- few types first: an indicator reads its types only, a customer's timeline a few granules of each
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
ORDER BY (customer_id, at, event_key)
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

CREATE TABLE IF NOT EXISTS indicator_rows
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
    detail LowCardinality(String),
    numerator Float64,
    denominator Float64,
    customers Array(UInt64),
    base_customers Array(UInt64),
    spread Array(Float64),
    version UInt64,
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY (grain, toYYYYMM(window_start))
ORDER BY (indicator, grain, window_start, stage, touchpoint, channel, tier, department, region, detail)
TTL stored_at + INTERVAL 60 DAY DELETE WHERE grain = 'minute', stored_at + INTERVAL 800 DAY DELETE WHERE grain != 'minute'
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS indicator_registry
(
    indicator LowCardinality(String),
    name_zh String,
    name_en String,
    definition_zh String,
    definition_en String,
    formula_zh String,
    formula_en String,
    unit LowCardinality(String),
    direction LowCardinality(String),
    cycle LowCardinality(String),
    target Nullable(Float64),
    warning Nullable(Float64),
    owner LowCardinality(String),
    stage LowCardinality(String),
    quadrant LowCardinality(String),
    etom String,
    availability LowCardinality(String),
    position UInt16,
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (indicator)
TTL toDateTime(stored_at) + INTERVAL 3650 DAY DELETE;

CREATE TABLE IF NOT EXISTS indicator_marks
(
    indicator LowCardinality(String),
    fingerprint String,
    read_until DateTime('UTC'),
    front DateTime64(3, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (indicator)
TTL toDateTime(stored_at) + INTERVAL 800 DAY DELETE;

CREATE TABLE IF NOT EXISTS policy_steps
(
    pack LowCardinality(String),
    clause String,
    metric LowCardinality(String),
    purpose LowCardinality(String),
    percent UInt16,
    limit_minor Int64,
    currency LowCardinality(String),
    within_ms UInt64,
    effective_from Date32,
    effective_to Nullable(Date32),
    active Bool,
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (pack, metric, purpose, percent, clause)
TTL toDateTime(stored_at) + INTERVAL 3650 DAY DELETE;

CREATE TABLE IF NOT EXISTS customer_states
(
    customer_id String,
    seen_first SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    seen_last SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    tier AggregateFunction(argMax, String, Tuple(DateTime64(3, 'UTC'), String)),
    region AggregateFunction(argMaxIf, String, Tuple(DateTime64(3, 'UTC'), String), UInt8),
    manager AggregateFunction(argMaxIf, String, Tuple(DateTime64(3, 'UTC'), String), UInt8),
    bill AggregateFunction(argMaxIf, Tuple(Int64, String), Tuple(DateTime64(3, 'UTC'), String), UInt8),
    left_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    stored_at SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (customer_id)
TTL stored_at + INTERVAL 800 DAY DELETE
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS customers
(
    customer_id String,
    tier LowCardinality(String),
    region LowCardinality(String),
    manager LowCardinality(String),
    monthly_minor Int64,
    currency LowCardinality(String),
    seen_first DateTime64(3, 'UTC'),
    seen_last DateTime64(3, 'UTC'),
    left_at Nullable(DateTime64(3, 'UTC')),
    version UInt64,
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (customer_id)
TTL stored_at + INTERVAL 800 DAY DELETE
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS population
(
    day DateTime64(3, 'UTC'),
    tier LowCardinality(String),
    region LowCardinality(String),
    customers Float64,
    version UInt64,
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (day, tier, region)
TTL stored_at + INTERVAL 800 DAY DELETE
SETTINGS fsync_after_insert = 1;

CREATE TABLE IF NOT EXISTS mot_power
(
    touchpoint LowCardinality(String),
    stage LowCardinality(String),
    valence LowCardinality(String),
    power Float64,
    low Float64,
    high Float64,
    visits UInt64,
    raw Nullable(Float64),
    prior Float64,
    from_data Bool,
    window_start DateTime64(3, 'UTC'),
    window_end DateTime64(3, 'UTC'),
    version UInt64,
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (touchpoint, valence, window_start, window_end)
TTL stored_at + INTERVAL 800 DAY DELETE;

CREATE TABLE IF NOT EXISTS external_values
(
    indicator LowCardinality(String),
    kind LowCardinality(String),
    name String,
    period_start Date,
    period_end Date,
    value Float64,
    difficulty Nullable(Float64),
    source String,
    note String,
    version UInt64,
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (indicator, kind, name, period_start, period_end)
TTL stored_at + INTERVAL 3650 DAY DELETE;

CREATE TABLE IF NOT EXISTS pipeline_health
(
    at DateTime64(3, 'UTC'),
    component LowCardinality(String),
    instance LowCardinality(String),
    metric LowCardinality(String),
    value Float64,
    stored_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (component, metric, instance, at)
TTL stored_at + INTERVAL 30 DAY DELETE;

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
