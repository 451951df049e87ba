-- A posting shown in a round, once: repeating a page adds nothing. Sorted for "which postings did this round see".
-- by_posting: the sightings of one posting are found without reading the others (11 million: 20 ms of CPU instead of 350). Not a
-- projection: that made the INSERT of a page's sightings half as dear again.
-- stored_at: as for the job tables; a sighting tells by which keywords a posting is found.
CREATE TABLE IF NOT EXISTS job_sighting
(
    platform  LowCardinality(String),
    job_id    String,
    keyword   LowCardinality(String),
    city      LowCardinality(String),
    round     LowCardinality(String),
    run_id    LowCardinality(String),
    page      UInt32,
    seen_at   DateTime64(3, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, LZ4),
    INDEX by_posting job_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX stored_at_range stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(seen_at)
ORDER BY (platform, round, job_id)
SETTINGS non_replicated_deduplication_window = 1000
