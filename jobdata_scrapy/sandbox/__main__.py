"""`python -m jobdata_scrapy.sandbox`: the same as `scrapy sandbox`, where no Scrapy project is at hand."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.sandbox.options import add_arguments, read_options
from jobdata_scrapy.sandbox.server import run_server


def main() -> int:
    """Returns the exit code: 0 after SIGINT or SIGTERM, 1 where the port is taken, 2 for a wrong argument."""
    parser = ArgumentParser(prog="python -m jobdata_scrapy.sandbox", description=__doc__)
    add_arguments(parser)
    try:
        return run_server(read_options(parser.parse_args()))
    except ArgumentError as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
