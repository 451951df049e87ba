"""Downloader middlewares and the download handler: thin; decisions are pure functions elsewhere."""
