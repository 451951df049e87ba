"""Commands of the `scrapy` command line (COMMANDS_MODULE): one a file, the file's name is the command's name."""
