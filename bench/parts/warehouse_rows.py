"""Postings made by the engine itself: INSERT ... SELECT FROM numbers(), with dimensions shaped like those of the three sites."""

from __future__ import annotations

from collections.abc import Iterator

from jobdata_scrapy.warehouse.client import WarehouseClient

SHARES = {"boss": 45, "qcwy": 35, "zhilian": 20}  # percent of the rows
ROWS_AN_INSERT = 250_000
CITIES = (
    "北京 上海 深圳 广州 杭州 成都 武汉 南京 苏州 西安 重庆 长沙 天津 郑州 合肥 青岛 东莞 宁波 佛山 厦门 "
    "济南 无锡 福州 大连 沈阳 昆明 珠海 常州 温州 石家庄 南昌 哈尔滨 泉州 惠州 南通 嘉兴 长春 贵阳 太原 "
    "南宁 中山 烟台 绍兴 徐州 潍坊 金华 台州 海口 兰州 扬州"
)
WORDS = (
    "华 星 云 海 天 远 智 汇 联 创 鼎 盛 中 启 明 科 瑞 达 信 博 恒 泰 佳 美 乐 优 易 通 捷 康 诚 和 光 "
    "大 新 飞 宏 图 金 正 元 安 思 成 立 凯 悦 百 万 千"
)
ROLES = (
    "数据分析师 数据开发工程师 算法工程师 Java开发工程师 前端开发工程师 测试工程师 产品经理 运营专员 "
    "销售经理 会计 人事专员 行政助理 平面设计师 电商运营 新媒体运营 客服专员 项目经理 机械工程师 "
    "电气工程师 采购专员 仓库管理员 外贸业务员 储备干部 软件实施工程师 运维工程师 C++开发工程师 "
    "Python开发工程师 嵌入式工程师 法务专员 出纳 药剂师 护士 教师 店长 司机 厨师 质检员 生产主管 "
    "工艺工程师 土建工程师"
)
LEVELS = "高级 中级 初级 资深 助理 实习 主管 专家 总监 见习"
FIELDS = (
    "电商 金融 医疗 教育 游戏 汽车 物流 零售 能源 制造 广告 安防 通信 地产 旅游 餐饮 农业 航空 化工 环保 "
    "半导体 保险 证券 政务 文娱 母婴 体育 美妆 家居 服装 食品 酒店 快递 直播 短视频 社交 云计算 大数据 "
    "人工智能 物联网"
)
STAGES = "未融资 天使轮 A轮 B轮 C轮 D轮及以上 已上市 不需要融资"
DEGREES = "不限 大专 本科 硕士 博士 高中 中专/中技"
EXPERIENCES = "经验不限 1年以内 1-3年 3-5年 5-10年 10年以上"
SIZES = "0-20人 20-99人 100-499人 500-999人 1000-9999人 10000人以上"


def words_sql(text: str) -> str:
    """An array literal of the words of `text`."""
    return f"[{', '.join(repr(word) for word in text.split())}]"


def _uniform(salt: str, seed: str = "seed") -> str:
    return f"cityHash64({seed}, '{salt}') / 18446744073709551616"


def _log_uniform(count: int, salt: str, seed: str = "seed") -> str:
    """A number from 0 to count - 1; small ones often, like the ranks of a Zipf law."""
    return f"toUInt32(pow({count}, {_uniform(salt, seed)})) - 1"


def _pick(text: str, salt: str, seed: str = "seed") -> str:
    array = words_sql(text)
    return f"{array}[1 + {_log_uniform(len(text.split()), salt, seed)}]"


ROWS_SQL = f"""
WITH
    -- 15 of 100 postings on 51job and Zhilian are postings of Boss, too
    '{{platform}}' AS site,
    if(site != 'boss' AND cityHash64(number, site) % 100 < 15, cityHash64(number) % {{boss_rows}}, number + {{offset}}) AS seed,
    {_log_uniform(400_000, "company")} AS company,
    concat({_pick(WORDS, "w1", "company")}, {_pick(WORDS, "w2", "company")}, {_pick(WORDS, "w3", "company")},
        if(company < 20000, '', toString(company))) AS brand,
    {_pick(CITIES, "city")} AS c,
    toUInt8({_log_uniform(6, "experience")}) AS e,
    toUInt8({_log_uniform(6, "size", "company")}) AS z,
    toFloat64(3000 + 500 * toUInt32(pow(60, {_uniform("pay")}))) AS low,
    low + 500 * (1 + cityHash64(seed, 'band') % 20) AS high,
    cityHash64(seed, 'told') % 100 < 92 AS told,
    concat({_pick(LEVELS, "level")}, {_pick(ROLES, "role")}, if(cityHash64(seed, 't') % 100 < 40,
        concat({_pick(FIELDS, "f1")}, {_pick(FIELDS, "f2")}), '')) AS t,
    toDateTime64('2025-01-01 00:00:00', 3, 'UTC') + toIntervalSecond(cityHash64(number, 'when') % (540 * 86400)) AS at
SELECT
    lower(hex(MD5(concat(site, toString(number))))) AS job_id,
    concat('c', toString(company)) AS company_id,
    {_pick(ROLES, "role")} AS keyword,
    c AS city,
    concat('{{{{"encryptJobId":"', job_id, '","jobName":"', t, '","brandName":"', brand, '"}}}}') AS job_data,
    'search' AS page_kind,
    c AS search_city,
    t AS title,
    if(site = 'boss', brand, concat(c, brand, '科技有限公司')) AS company_name,
    concat('https://{{platform}}.invalid/job/', job_id) AS url,
    if(told, concat(toString(low / 1000), '-', toString(high / 1000), 'K'), '') AS salary_text,
    {words_sql(EXPERIENCES)}[1 + e] AS experience_text,
    {_pick(DEGREES, "degree")} AS degree_text,
    c AS city_text,
    {words_sql(SIZES)}[1 + z] AS company_size_text,
    {_pick(STAGES, "stage", "company")} AS company_stage_text,
    {_pick(FIELDS, "industry", "company")} AS industry_text,
    arrayDistinct(arrayMap(k -> concat({_pick(FIELDS, "s1", "seed + k")}, toString({_log_uniform(300, "s2", "seed + 7 * k")})),
        range(cityHash64(seed, 'skills') % 7))) AS skills,
    if(told, low, NULL) AS salary_low,
    if(told, high, NULL) AS salary_high,
    if(told, 'MONTH', '') AS salary_unit,
    if(told, low, NULL) AS monthly_low,
    if(told, high, NULL) AS monthly_high,
    [NULL, 0, 1, 3, 5, 10][1 + e] AS experience_min,
    [NULL, 1, 3, 5, 10, NULL][1 + e] AS experience_max,
    degree_text AS degree,
    [0, 20, 100, 500, 1000, 10000][1 + z] AS company_size_min,
    [20, 99, 499, 999, 9999, NULL][1 + z] AS company_size_max,
    company_stage_text AS company_stage,
    hex(cityHash64(seed, 'content')) AS content_hash,
    1 AS parser_version,
    'bench' AS run_id,
    concat('bench-', keyword) AS round,
    1 AS page,
    at AS crawled_at
FROM numbers({{start}}, {{count}})"""

COLUMNS = (
    "job_id, company_id, keyword, city, job_data, page_kind, search_city, title, company_name, url, salary_text, "
    "experience_text, degree_text, city_text, company_size_text, company_stage_text, industry_text, skills, salary_low, "
    "salary_high, salary_unit, monthly_low, monthly_high, experience_min, experience_max, degree, company_size_min, "
    "company_size_max, company_stage, content_hash, parser_version, run_id, round, page, crawled_at"
)
SIGHTED = "platform, job_id, keyword, city, round, run_id, page, seen_at, stored_at"
LONG_AGO = "toDateTime64('2026-01-01 00:00:00', 3, 'UTC')"


def fill_postings(client: WarehouseClient, rows: int) -> None:
    """Adds `rows` postings on three sites, each with its sighting, as if inserted long ago."""
    for place, (platform, share) in enumerate(SHARES.items()):
        offset = {"offset": place * rows, "boss_rows": rows * SHARES["boss"] // 100}
        for start, count in _parts(0, rows * share // 100):
            select = ROWS_SQL.format(platform=platform, start=start, count=count, **offset)
            client.command(f"INSERT INTO {platform}_job ({COLUMNS}, stored_at) SELECT *, {LONG_AGO} FROM ({select})")
            seen = f"'{platform}', job_id, keyword, search_city, round, run_id, page, crawled_at, {LONG_AGO}"
            client.command(f"INSERT INTO job_sighting ({SIGHTED}) SELECT {seen} FROM ({select})")


def top_up_boss(client: WarehouseClient, rows: int) -> None:
    """Adds postings to `boss_job` alone until it holds `rows`."""
    stored = int(client.command("SELECT count() FROM boss_job"))
    for start, count in _parts(stored, rows - stored):
        # numbers that none of the other postings came from
        select = ROWS_SQL.format(platform="boss", start=10 * rows + start, count=count, offset=0, boss_rows=rows)
        client.command(f"INSERT INTO boss_job ({COLUMNS}, stored_at) SELECT *, {LONG_AGO} FROM ({select})")


def _parts(first: int, count: int) -> Iterator[tuple[int, int]]:
    for start in range(first, first + count, ROWS_AN_INSERT):
        yield start, min(ROWS_AN_INSERT, first + count - start)
