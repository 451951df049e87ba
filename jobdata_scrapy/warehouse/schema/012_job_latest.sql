-- One line a posting as the analytics sees it: +1 for what holds, -1 for what held before, so that sum(sign) counts exactly whatever
-- is merged yet. Written by warehouse/analytics/refresh.py only, from job_change.
CREATE TABLE IF NOT EXISTS job_latest
(
    generation         UInt32,
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
    certainties        Array(UInt8),
    -- numbers are grouped at a fraction of what names cost
    title_number       UInt64 MATERIALIZED cityHash64(title_key),
    company_number     UInt64 MATERIALIZED cityHash64(company_name),
    employer_number    UInt64 MATERIALIZED cityHash64(employer),
    skill_numbers      Array(UInt64) MATERIALIZED arrayMap(skill -> cityHash64(skill), skills)
)
ENGINE = CollapsingMergeTree(sign)
PARTITION BY generation
ORDER BY (platform, job_id)
SETTINGS index_granularity = 2048, non_replicated_deduplication_window = 1000
