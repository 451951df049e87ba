"""Item pipelines over whole pages, each one step of `jobdata_scrapy.page_steps` or of the run's session."""
