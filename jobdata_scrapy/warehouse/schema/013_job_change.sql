-- The journal of job_latest: a batch is one INSERT and one part, so that it is there as a whole or not at all. Its marker row says up
-- to where the base tables were read. What was applied long ago is dropped.
CREATE TABLE IF NOT EXISTS job_change
(
    generation         UInt32,
    batch              UInt64,
    is_marker          UInt8,
    rules              UInt32,
    attempt            UInt64,
    read_until         DateTime64(3, 'UTC'),
    seen_after         UInt64,
    committed_at       DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    sign               Int8,
    platform           LowCardinality(String),
    job_id             String,
    company_name       String,
    employer           String,
    employer_core      String,
    title_key          String,
    city               LowCardinality(String),
    degree             LowCardinality(String),
    experience         LowCardinality(String),
    company_size       LowCardinality(String),
    company_stage      LowCardinality(String),
    industry           LowCardinality(String),
    skills             Array(LowCardinality(String)),
    keywords           Array(LowCardinality(String)),
    monthly_low        Nullable(Float64),
    monthly_high       Nullable(Float64),
    salary             UInt32,
    first_crawled_at   DateTime64(3, 'UTC'),
    day                Date,
    days_open          Nullable(UInt16),
    in_doubt           UInt8,
    filled             UInt16,
    group_key          UInt64,
    reposted           UInt8,
    other_sites        Array(LowCardinality(String)),
    certainties        Array(UInt8)
)
ENGINE = MergeTree
PARTITION BY (generation, intDiv(batch, 32))
ORDER BY (is_marker, batch, platform, job_id)
SETTINGS non_replicated_deduplication_window = 1000
