-- The rounds that can close postings (complete and healthy): when each began and ended, and when the round ended that is the last
-- one needed to close what this one was the first to miss. POSIX milliseconds; `closes` is far away where too few have followed.
-- A round that goes on while another of the same search begins and ends is left out: one that is resumed days later is no
-- picture of one moment. What is left follows one another by begin and by end alike.
CREATE OR REPLACE VIEW crawl_pass
(
    platform LowCardinality(String),
    keyword  LowCardinality(String),
    city     LowCardinality(String),
    began    Int64,
    ended    Int64,
    closes   Int64
)
AS
WITH
    9223372036854775807 AS never,
    assumeNotNull((SELECT if(count() = 0, 2, argMax(closed_after, set_at)) FROM lifecycle_rule)) AS needed
SELECT
    platform,
    keyword,
    city,
    pass.1 AS began,
    pass.2 AS ended,
    pass.3 AS closes
FROM
(
    SELECT platform, keyword, city, arraySort(groupArray((began, ended))) AS passes
    FROM
    (
        SELECT
            platform,
            keyword,
            city,
            toUnixTimestamp64Milli(assumeNotNull(started_at)) AS began,
            toUnixTimestamp64Milli(assumeNotNull(finished_at)) AS ended,
            min(toNullable(ended)) OVER (
                PARTITION BY platform, keyword, city ORDER BY began DESC, ended ASC
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS ended_within
        FROM crawl_round FINAL
        WHERE state = 'done' AND healthy AND started_at IS NOT NULL AND finished_at IS NOT NULL
    )
    WHERE ended_within IS NULL OR ended < ended_within
    GROUP BY platform, keyword, city
)
ARRAY JOIN arrayMap(
    (one, place) -> (one.1, one.2, if(place + needed - 1 <= length(passes), passes[place + needed - 1].2, never)),
    passes,
    arrayEnumerate(passes)
) AS pass
