-- Up to when `scrapy warehouse prune` has taken sightings out of job_sighting; a line a prune, written before it deletes. What is
-- missing from before that moment proves nothing.
CREATE TABLE IF NOT EXISTS sighting_prune
(
    pruned_until DateTime64(3, 'UTC'),
    pruned_at    DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY pruned_until
