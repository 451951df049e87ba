-- The working table of a refresh; each attempt has rows of its own and drops them at its end.
CREATE TABLE IF NOT EXISTS job_stage
(
    attempt            UInt64,
    bucket             UInt32,
    role               UInt8,
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
PARTITION BY attempt
ORDER BY (bucket, role, platform, job_id)
SETTINGS non_replicated_deduplication_window = 1000
