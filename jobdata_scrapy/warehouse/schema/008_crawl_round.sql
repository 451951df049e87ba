-- A round that has ended, as the coverage ledger tells it: which rounds were complete, the warehouse cannot know by itself.
-- started_at, finished_at: the round's first and last sighting, NULL where it saw nothing (or retention has taken its sightings);
-- healthy: complete, and like this search's rounds before it: such a round may close postings;
-- stored_at: as for the job tables.
CREATE TABLE IF NOT EXISTS crawl_round
(
    platform    LowCardinality(String),
    keyword     LowCardinality(String),
    city        LowCardinality(String),
    round       String,
    run_id      String,
    state       LowCardinality(String),
    stop_reason LowCardinality(String),
    healthy     Bool,
    total       Nullable(UInt32),
    seen        UInt32,
    distinct    UInt32,
    started_at  Nullable(DateTime64(3, 'UTC')),
    finished_at Nullable(DateTime64(3, 'UTC')),
    ledger_at   DateTime64(6, 'UTC'),
    stored_at   DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(ledger_at)
ORDER BY (platform, keyword, city, round)
SETTINGS non_replicated_deduplication_window = 1000
