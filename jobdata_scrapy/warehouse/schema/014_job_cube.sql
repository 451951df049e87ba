-- The counts of warehouse/analytics/cubes.py: what unfiltered questions read. A cube uses those of the columns that it needs.
CREATE TABLE IF NOT EXISTS job_cube
(
    generation UInt32,
    topic      LowCardinality(String),
    name       String,
    platform   LowCardinality(String),
    day        Date,
    value      UInt32,
    n          Int64
)
ENGINE = SummingMergeTree(n)
PARTITION BY generation
ORDER BY (topic, name, platform, day, value)
SETTINGS index_granularity = 512, non_replicated_deduplication_window = 1000
