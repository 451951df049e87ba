-- What became of each posting that was ever sighted; the rule in words is in warehouse/lifecycle_rule.py, which does the same for one
-- posting. Times are POSIX milliseconds inside. A look-up of one posting (WHERE job_id = ...) reads its rows only.
-- The columns are told, else the engine would plan the whole of it once more to find them.
CREATE OR REPLACE VIEW ${platform}_job_lifecycle
(
    platform        String,
    job_id          String,
    first_seen      DateTime64(3, 'UTC'),
    last_seen       DateTime64(3, 'UTC'),
    sightings       UInt64,
    versions        UInt64,
    detail_versions UInt64,
    closed_at       Nullable(DateTime64(3, 'UTC')),
    reopened_at     Nullable(DateTime64(3, 'UTC')),
    reopened        UInt64
)
AS
SELECT
    '${platform}' AS platform,
    job_id,
    fromUnixTimestamp64Milli(least(first_shown, if(rows_from > 0, rows_from, never)), 'UTC') AS first_seen,
    fromUnixTimestamp64Milli(arrayMax(step -> step.1, steps), 'UTC') AS last_seen,
    length(latest) AS sightings,
    toUInt64(list_versions) AS versions,
    toUInt64(detail_versions) AS detail_versions,
    -- drivers read what lies under a NULL as well: it has to be a time that there is
    if(closings[-1] = never, NULL, fromUnixTimestamp64Milli(if(closings[-1] = never, 0, closings[-1]), 'UTC')) AS closed_at,
    if(empty(reopenings), NULL, fromUnixTimestamp64Milli(arrayMax(reopenings), 'UTC')) AS reopened_at,
    length(reopenings) AS reopened
FROM
(
    -- One step a subquery: an alias that is used several times is planned as often, and these build on each other.
    WITH
    grouped AS
    (
        SELECT
            job_id,
            groupArrayIf(search, kind = 'sighting') AS searches,
            groupArrayIf(round_hash, kind = 'sighting') AS rounds,
            groupArrayIf(at, kind = 'sighting') AS times,
            groupArrayIf(ended, kind = 'sighting') AS missed,
            groupArrayIf(closes, kind = 'sighting') AS closed,
            groupArrayIf(at, kind = 'gone') AS gone_times,
            groupArrayIf(round_hash, kind = 'gone') AS gone_rounds,
            groupArrayIf(at, kind = 'search') AS list_times,
            groupArrayIf(content, kind = 'search') AS list_hashes,
            groupArrayIf(at, kind = 'detail') AS detail_times,
            groupArrayIf(content, kind = 'detail') AS detail_hashes,
            minIf(at, kind IN ('search', 'detail')) AS rows_from
        FROM
        (
            SELECT
                shown.job_id AS job_id,
                'sighting' AS kind,
                shown.search AS search,
                shown.round_hash AS round_hash,
                shown.at AS at,
                if(passes.ended > 0, passes.ended, 9223372036854775807) AS ended,
                if(passes.ended > 0, passes.closes, 9223372036854775807) AS closes,
                toUInt64(0) AS content
            FROM
            (
                SELECT
                    job_id,
                    cityHash64(keyword, city) AS search,
                    cityHash64(round) AS round_hash,
                    toUnixTimestamp64Milli(seen_at) AS at
                FROM job_sighting
                WHERE platform = '${platform}'
            ) AS shown
            ASOF LEFT JOIN
            (
                SELECT cityHash64(keyword, city) AS search, began, ended, closes
                FROM crawl_pass
                WHERE platform = '${platform}'
            ) AS passes
            ON shown.search = passes.search AND passes.began > shown.at
            UNION ALL
            SELECT job_id, 'gone', 0, cityHash64(round), toUnixTimestamp64Milli(gone_at), 0, 0, 0
            FROM job_gone
            WHERE platform = '${platform}'
            UNION ALL
            SELECT
                job_id, toString(page_kind), 0, 0, toUnixTimestamp64Milli(toDateTime64(crawled_at, 3, 'UTC')), 0, 0,
                cityHash64(content_hash)
            FROM ${platform}_job
            WHERE page_kind != ''
        )
        GROUP BY job_id
    ),
    with_rounds AS
    (
        SELECT
            *,
            toInt64(9223372036854775807) AS never,
            toUnixTimestamp64Milli(now64(3)) AS now_ms,
            86400000 * toInt64(assumeNotNull((SELECT if(count() = 0, 30, argMax(wait_days, set_at)) FROM lifecycle_rule))) AS wait_ms,
            assumeNotNull((SELECT toUnixTimestamp64Milli(max(pruned_until)) FROM sighting_prune)) AS complete_from,
            length(arrayCompact(row -> row.2, arraySort(arrayZip(list_times, list_hashes)))) AS list_versions,
            length(arrayCompact(row -> row.2, arraySort(arrayZip(detail_times, detail_hashes)))) AS detail_versions,
            (toUInt64(0), toUInt64(0), toInt64(0), toInt64(0), toInt64(0)) AS none,
            -- (search, round, seen, first round without it, round that closes it)
            arraySort(arrayZip(searches, rounds, times, missed, closed)) AS by_round
        FROM grouped
        WHERE notEmpty(times)
    ),
    with_latest AS
    (
        SELECT
            *,
            -- the last sighting of each round: (search, seen, first round without it, round that closes it, round)
            arrayMap(
                one -> (one.1, one.3, one.4, one.5, one.2),
                arrayFilter(
                    (one, next) -> (one.1, one.2) != (next.1, next.2), by_round, arrayPushBack(arrayPopFront(by_round), none)
                )
            ) AS latest
        FROM with_rounds
    ),
    with_shown AS
    (
        SELECT
            *,
            arrayMin(one -> one.2, latest) AS first_shown,
            -- a list that shows what its own page called gone in the same round shows nothing
            arraySort(arrayFilter(one -> one.2 = first_shown OR NOT has(gone_rounds, one.5), latest)) AS by_search
        FROM with_latest
    ),
    with_steps AS
    (
        SELECT
            *,
            arrayPushBack(
                arrayPopFront(arrayMap(one -> (one.1, one.2), by_search)), (toUInt64(0), toInt64(0))
            ) AS following,
            -- (seen, seen again by the same search, first round without it, round that closes it), in order of time
            arraySort(
                arrayMap((one, next) -> (one.2, if(one.1 = next.1, next.2, never), one.3, one.4), by_search, following)
            ) AS steps
        FROM with_shown
    ),
    with_ends AS
    (
        SELECT *, arrayPushBack(arrayPopFront(arrayMap(step -> step.1, steps)), now_ms) AS ends
        FROM with_steps
    ),
    with_places AS
    (
        SELECT
            *,
            -- the steps after which it may have been closed before it was seen again, and the last one
            arrayFilter(
                (place, step, end) -> place = length(steps)
                    OR (step.1 >= complete_from AND (step.4 < end OR end > step.1 + wait_ms))
                    OR arrayExists(at -> at >= step.1 AND at < end, gone_times),
                arrayEnumerate(steps), steps, ends
            ) AS places
        FROM with_ends
    ),
    with_witnesses AS
    (
        SELECT
            *,
            -- of each such step, the searches that still stood for the posting then
            arrayMap(
                place -> arrayFilter(
                    step -> step.1 <= steps[place].1 AND step.2 > steps[place].1 AND step.3 > steps[place].1, steps
                ),
                places
            ) AS witnesses
        FROM with_places
    ),
    with_closings AS
    (
        SELECT
            *,
            arrayMap(
                (place, those) -> least(
                    if(
                        (steps[place].1 >= complete_from OR place = length(steps))
                            AND arrayExists(step -> step.4 < ends[place], those)
                            AND arrayAll(step -> step.4 < ends[place] OR ends[place] > step.1 + wait_ms, those),
                        arrayMin(arrayPushBack(arrayMap(step -> step.3, those), never)),
                        never
                    ),
                    arrayMin(arrayPushBack(arrayFilter(at -> at >= steps[place].1 AND at < ends[place], gone_times), never))
                ),
                places, witnesses
            ) AS closings
        FROM with_witnesses
    )
    SELECT
        *,
        arrayFilter(
            (end, closing, place) -> closing != never AND place < length(steps),
            arrayMap(place -> ends[place], places), closings, places
        ) AS reopenings
    FROM with_closings
)
