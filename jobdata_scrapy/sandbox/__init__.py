"""The three sites, faked over their real wire shapes on loopback, with faults on demand (docs/sandbox.md)."""

from jobdata_scrapy.sandbox.app import create_app
from jobdata_scrapy.sandbox.options import SandboxOptions

__all__ = ["SandboxOptions", "create_app"]
