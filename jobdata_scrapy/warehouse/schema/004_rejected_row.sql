-- A row that was refused, with field and reason; row_hash tells rows without an id apart.
CREATE TABLE IF NOT EXISTS rejected_row
(
    platform       LowCardinality(String),
    row_id         String,
    keyword        LowCardinality(String),
    city           LowCardinality(String),
    field          LowCardinality(String),
    reason         String,
    row_data       String CODEC(ZSTD(3)),
    row_hash       String,
    page_kind      LowCardinality(String),
    parser_version UInt32,
    run_id         LowCardinality(String),
    round          LowCardinality(String),
    page           UInt32,
    position       UInt32,
    rejected_at    DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(rejected_at)
ORDER BY (platform, round, page_kind, page, position, row_id, row_hash)
SETTINGS non_replicated_deduplication_window = 1000
