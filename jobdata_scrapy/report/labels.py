"""Chinese names of what a report shows; the English ones are the codes themselves and the judge's own lines. Pure."""

from __future__ import annotations

RUN_STATES = {"kept": "通过", "capped": "触及网站结果上限", "failed": "未通过"}

ROUND_STATES = {"running": "未结束", "done": "完成", "capped": "触及上限", "partial": "部分", "failed": "失败"}

COUNTS = {
    "seen": "看到",
    "new": "新增",
    "changed": "变化",
    "unchanged": "未变",
    "repeated": "重复",
    "rejected": "拒绝",
}

VERDICTS = {
    "OK": "正常",
    "EMPTY": "无结果",
    "CAPPED": "触及上限",
    "GONE": "已下线",
    "RATE_LIMITED": "访问过快",
    "CAPTCHA": "验证码",
    "IP_BANNED": "IP 被封",
    "SIGN_REJECTED": "签名被拒",
    "TOKEN_EXPIRED": "令牌过期",
    "LOGIN_REQUIRED": "需要登录",
    "LAYOUT_CHANGED": "页面结构变化",
    "SERVER_ERROR": "服务器错误",
}

PROBLEMS = {
    "stopped_early": ("采集提前停止，之后的内容没有读取", "按停止原因处理后重新运行"),
    "error": ("运行中出错", "查看日志中的完整错误，排除后重新运行"),
    "pages_lost": ("读取的页数与入库的页数不一致", "重新运行；若仍不一致，查看日志中的存储错误"),
    "round_unfinished": ("关键词没有采集完", "重新运行该关键词"),
    "sums_differ": ("数量对不上", "连同 JSON 报告提交缺陷，并重新运行该关键词"),
    "spooled": ("部分职位仍在本地磁盘，尚未入库", "恢复数据仓库，然后运行 scrapy spool replay"),
    "spool_damaged": ("本地暂存文件损坏，已移到一旁", "重新运行相应的关键词（scrapy coverage --state failed），然后删除这些文件"),
    "not_counted": ("没有向数据仓库核对数量", "重新运行该关键词"),
    "count_mismatch": ("数据仓库中的数量与读取的数量不一致", "检查数据仓库后重新运行该关键词"),
    "shortfall": ("读取的职位远少于网站公布的总数", "稍后或更换出口 IP 后重新运行"),
    "no_rounds": ("没有执行任何关键词", "检查参数和日志开头的错误"),
    "dead_keywords": (
        "队列中有已停用的关键词，不再自动采集",
        "查看原因（scrapy keywords list --state dead），排除后运行 scrapy keywords retry",
    ),
    "no_items": ("没有找到任何职位", "在网站上核对关键词；若网站上有结果，说明该出口 IP 被隐藏了结果"),
    "rejected_many": ("很多职位被拒收", "网站改了返回格式：需要工程师修复解析器"),
    "fields_missing": ("很多职位缺少重要字段", "在网站上核对：可能登录失效，或网站改了字段名"),
    "blocked_often": ("网站频繁拒绝访问", "放慢速度（SLEEP_MIN_SECONDS）或增加出口"),
    "unlike_history": ("与该关键词以往正常的采集差别很大", "与以往的报告和网站核对，可能被隐藏了结果"),
    "capped": ("网站的结果上限隐藏了部分职位", "缩小搜索范围（按城市、更具体的关键词）"),
}

STOP_ACTIONS = {
    "no_exit_free": "没有空闲出口：等待其他进程释放出口，或增加出口后重新运行",
    "no_token_free": "没有空闲令牌：等待其他进程释放令牌，或增加令牌（scrapy tokens add）后重新运行",
    "no_proxy_left": "没有可用代理：检查代理设置、账号和余额后重新运行",
    "blocked": "网站封锁了该出口：等待数小时或更换出口，不要继续强行访问",
    "sign_rejected": "签名被网站拒绝：检查该网站的签名密钥或脚本",
    "login_required": "网站要求登录：更新该网站的令牌",
    "robots_disallowed": "robots.txt 不允许访问：先取得网站许可，再关闭检查",
    "layout_changed": "网站的页面结构变了：需要工程师修改解析代码",
    "site_down": "网站或通往它的出口没有回应或只返回错误：确认两者是否正常，稍后重新运行",
    "storage_down": "数据仓库不可用：恢复后重新运行（scrapy warehouse status），未入库的页会重新读取",
    "wrong_setting": "设置有误：按错误提示修正所有进程的环境变量后重新运行",
    "budget_spent": "页数预算已用完：等下一个周期再运行，或提高预算",
    "drained": "运行被要求结束：重新运行以读取剩余内容",
    "shutdown": "运行被中断：重新运行以读取剩余内容",
}

CHECKS = {
    "seen": (
        "看到 = 新增 + 变化 + 未变 + 重复 + 拒绝 + 暂存",
        "seen = new + changed + unchanged + repeated + rejected + spooled",
    ),
    "warehouse": ("读取的不同职位 = 数据仓库中的职位", "distinct postings read = postings counted in the warehouse"),
    "pages": ("读取的页 = 入库的页", "pages read = pages stored"),
}
