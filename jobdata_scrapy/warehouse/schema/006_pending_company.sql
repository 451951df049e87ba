-- Companies that wait for their profile, as the older system keeps them; made where it is not there, never changed.
CREATE TABLE IF NOT EXISTS pending_company
(
    platform   LowCardinality(String),
    company_id String,
    name       String,
    created_at DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY (platform, company_id)
