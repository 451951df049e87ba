-- The rule that job_lifecycle goes by, as the settings had it when they last changed: CLOSED_AFTER_ROUNDS and CLOSED_WAIT_DAYS.
CREATE TABLE IF NOT EXISTS lifecycle_rule
(
    closed_after UInt32,
    wait_days    UInt32,
    set_at       DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY set_at
