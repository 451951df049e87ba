-- The latest version of each posting. What belongs together (a salary, a place) is taken together from the latest row that has
-- it, so that a list row without a description does not hide the one of the detail row. Rows of the older system (without a page_kind)
-- have raw JSON alone: they would hide all of it.
SELECT
    '${platform}' AS platform,
    job_id,
    company_id,
    company_name,
    keyword,
    search_city,
    title,
    url,
    place.1 AS city,
    place.2 AS district,
    place.3 AS area_code,
    point.1 AS longitude,
    point.2 AS latitude,
    salary.1 AS salary_text,
    salary.2 AS salary_low,
    salary.3 AS salary_high,
    salary.4 AS salary_unit,
    salary.5 AS salary_months,
    salary.6 AS monthly_low,
    salary.7 AS monthly_high,
    experience.1 AS experience_text,
    experience.2 AS experience_min,
    experience.3 AS experience_max,
    degree,
    size.1 AS company_size_min,
    size.2 AS company_size_max,
    company_stage,
    company_type,
    industry,
    job_type,
    skills,
    welfare,
    description,
    published_at,
    first_crawled_at,
    last_crawled_at
FROM
(
    SELECT
        row.job_id AS job_id,
        argMax(row.company_id, (row.company_id != '', row.crawled_at)) AS company_id,
        argMax(row.company_name, (row.company_name != '', row.crawled_at)) AS company_name,
        argMax(row.keyword, row.crawled_at) AS keyword,
        argMax(row.search_city, row.crawled_at) AS search_city,
        argMax(row.title, row.crawled_at) AS title,
        argMax(row.url, (row.url != '', row.crawled_at)) AS url,
        argMax((row.city, row.district, row.area_code), (row.city != '', row.crawled_at)) AS place,
        argMax((row.longitude, row.latitude), (row.longitude IS NOT NULL, row.crawled_at)) AS point,
        argMax(
            (row.salary_text, row.salary_low, row.salary_high, row.salary_unit, row.salary_months, row.monthly_low, row.monthly_high),
            (row.salary_text != '', row.crawled_at)
        ) AS salary,
        argMax((row.experience_text, row.experience_min, row.experience_max), (row.experience_text != '', row.crawled_at)) AS experience,
        argMax(row.degree, (row.degree_text != '', row.crawled_at)) AS degree,
        argMax((row.company_size_min, row.company_size_max), (row.company_size_text != '', row.crawled_at)) AS size,
        argMax(row.company_stage, (row.company_stage_text != '', row.crawled_at)) AS company_stage,
        argMax(row.company_type_text, (row.company_type_text != '', row.crawled_at)) AS company_type,
        argMax(row.industry_text, (row.industry_text != '', row.crawled_at)) AS industry,
        argMax(row.job_type, (row.job_type != '', row.crawled_at)) AS job_type,
        argMax(row.skills, (notEmpty(row.skills), row.crawled_at)) AS skills,
        argMax(row.welfare, (notEmpty(row.welfare), row.crawled_at)) AS welfare,
        argMax(row.description, (row.description != '', row.crawled_at)) AS description,
        argMax(row.published_at, (row.published_at IS NOT NULL, row.crawled_at)) AS published_at,
        min(row.crawled_at) AS first_crawled_at,
        max(row.crawled_at) AS last_crawled_at
    FROM ${platform}_job AS row
    WHERE row.page_kind != ''
    GROUP BY row.job_id
)
