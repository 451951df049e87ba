"""Commands of the `scrapy` command line (COMMANDS_MODULE): one a file, the file's name is the command's name.

Scrapy imports all of them for any one, and this package first: so much is made that stays that looking through it for garbage
took a tenth of a command's start.
"""

import gc

# Default 700. A page, too, is a thousand objects that live until it is stored: garbage collection was a fifth of a crawl with it.
GC_THRESHOLD = 100_000

gc.set_threshold(GC_THRESHOLD)
