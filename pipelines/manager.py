"""Runs the pipelines as Scrapy does, but lets no page get lost in a cancellation."""

from __future__ import annotations

import asyncio
from typing import Any

from scrapy.pipelines import ItemPipelineManager

from jobdata_scrapy.exceptions import StorageError


class PagePipelineManager(ItemPipelineManager):
    """A cancelled step is an error like any other: Scrapy's scraper knows none, sends no signal for it and waits for ever."""

    async def process_item_async(self, item: Any) -> Any:
        """Raises StorageError for a page whose way was cut off: nobody knows how far it got."""
        try:
            return await super().process_item_async(item)
        except asyncio.CancelledError:
            raise StorageError("its way through the pipelines was cancelled") from None
