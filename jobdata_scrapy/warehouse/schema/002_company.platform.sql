-- One row per version of a company profile and kind of page it was seen on.
CREATE TABLE IF NOT EXISTS ${platform}_company
(
    company_id              String,
    name                    String,
    company_data            String CODEC(ZSTD(3)),
    page_kind               LowCardinality(String),
    full_name               String,
    url                     String,
    industry_text           LowCardinality(String),
    size_text               LowCardinality(String),
    stage_text              LowCardinality(String),
    type_text               LowCardinality(String),
    description             String CODEC(ZSTD(3)),
    address                 String,
    founded_text            String,
    registered_capital_text String,
    status_text             LowCardinality(String),
    size_min                Nullable(UInt32),
    size_max                Nullable(UInt32),
    stage                   LowCardinality(String),
    content_hash            String,
    parser_version          UInt32,
    run_id                  LowCardinality(String),
    round                   LowCardinality(String),
    crawled_at              DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (company_id, page_kind, crawled_at)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000
