"""All is declared in pyproject.toml; scrapyd-deploy builds the egg by calling this file."""

from setuptools import setup

setup()
