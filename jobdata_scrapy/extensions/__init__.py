"""Scrapy extensions: one component a file, each with its own off-switch."""
