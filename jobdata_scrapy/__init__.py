"""JobData: public job postings of three Chinese recruitment sites, collected into ClickHouse."""

__version__ = "2.0.0"
