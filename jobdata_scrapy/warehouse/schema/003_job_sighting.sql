-- A posting shown in a round, once: repeating a page adds nothing. Sorted for "which postings did this round see".
CREATE TABLE IF NOT EXISTS job_sighting
(
    platform LowCardinality(String),
    job_id   String,
    keyword  LowCardinality(String),
    city     LowCardinality(String),
    round    LowCardinality(String),
    run_id   LowCardinality(String),
    page     UInt32,
    seen_at  DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(seen_at)
ORDER BY (platform, round, job_id)
SETTINGS non_replicated_deduplication_window = 1000
