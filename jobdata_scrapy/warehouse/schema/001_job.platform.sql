-- One row per version of a posting and kind of page: a posting has its list row and its detail row.
-- The sorting key serves the look-up of a page's ids. It reads five columns at 30 places a part: small granules and small
-- compressed blocks make a place cheap (1 million postings: 13 ms of CPU a look-up instead of 22); those of job_data stay large.
-- stored_at: when a row came in. What the analytics has not seen yet is found by it, late rows (a replayed spool) included.
CREATE TABLE IF NOT EXISTS ${platform}_job
(
    job_id               String SETTINGS (min_compress_block_size = 8192),
    company_id           String,
    keyword              LowCardinality(String),
    city                 LowCardinality(String),
    job_data             String CODEC(ZSTD(3)),
    page_kind            LowCardinality(String) SETTINGS (min_compress_block_size = 8192),
    search_city          LowCardinality(String),
    title                String,
    company_name         String,
    url                  String CODEC(ZSTD(1)),
    salary_text          LowCardinality(String),
    experience_text      LowCardinality(String),
    degree_text          LowCardinality(String),
    city_text            LowCardinality(String),
    district_text        LowCardinality(String),
    company_size_text    LowCardinality(String),
    company_stage_text   LowCardinality(String),
    company_type_text    LowCardinality(String),
    industry_text        LowCardinality(String),
    job_type             LowCardinality(String),
    skills               Array(LowCardinality(String)),
    welfare              Array(LowCardinality(String)),
    published_text       LowCardinality(String),
    description          String CODEC(ZSTD(3)),
    longitude            Nullable(Float64),
    latitude             Nullable(Float64),
    salary_low           Nullable(Float64),
    salary_high          Nullable(Float64),
    salary_unit          LowCardinality(String),
    salary_months        Nullable(UInt16),
    monthly_low          Nullable(Float64),
    monthly_high         Nullable(Float64),
    experience_min       Nullable(Float64),
    experience_max       Nullable(Float64),
    degree               LowCardinality(String),
    area_code            LowCardinality(String),
    district             LowCardinality(String),
    company_size_min     Nullable(UInt32),
    company_size_max     Nullable(UInt32),
    company_stage        LowCardinality(String),
    published_at         Nullable(DateTime64(3, 'UTC')),
    content_hash         String SETTINGS (min_compress_block_size = 8192),
    parser_version       UInt32,
    run_id               LowCardinality(String) SETTINGS (min_compress_block_size = 8192),
    round                LowCardinality(String),
    page                 UInt32,
    crawled_at           DateTime64(3, 'UTC') SETTINGS (min_compress_block_size = 8192),
    stored_at            DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, LZ4),
    INDEX stored_at_range stored_at TYPE minmax GRANULARITY 4
)
ENGINE = MergeTree
ORDER BY (job_id, page_kind, crawled_at)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000
