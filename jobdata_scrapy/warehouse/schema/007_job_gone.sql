-- A posting whose own page said, in this round, that it is no longer there: closed by the site's own word.
-- stored_at: as for the job tables; what is gone may be told late, too.
CREATE TABLE IF NOT EXISTS job_gone
(
    platform  LowCardinality(String),
    job_id    String,
    keyword   LowCardinality(String),
    city      LowCardinality(String),
    round     LowCardinality(String),
    run_id    LowCardinality(String),
    gone_at   DateTime64(3, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(gone_at)
ORDER BY (platform, job_id, round)
SETTINGS non_replicated_deduplication_window = 1000
