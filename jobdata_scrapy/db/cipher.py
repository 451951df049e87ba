"""Encryption of what must not stand readable in the database: session tokens, passwords of proxies. The key is TOKEN_KEY."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from jobdata_scrapy.config import Config, secret_value
from jobdata_scrapy.exceptions import ConfigError

HINT = "make one with `scrapy tokens key` and put it into the environment or .env of every process"


def make_key() -> str:
    """A new key for TOKEN_KEY."""
    return Fernet.generate_key().decode()


class Cipher:
    """Fernet (AES-128-CBC with HMAC-SHA256). `key` may be several keys with commas between: the first encrypts, all decrypt."""

    def __init__(self, key: str = "") -> None:
        """Raises ConfigError for a key of the wrong form; "" is refused when it is needed."""
        try:
            self._keys = [Fernet(one.strip()) for one in key.split(",") if one.strip()]
        except ValueError:
            raise ConfigError(f"TOKEN_KEY: is no key of 32 bytes in URL-safe base64; {HINT}") from None

    @classmethod
    def from_config(cls, config: Config) -> Cipher:
        """The cipher of TOKEN_KEY. Raises ConfigError."""
        return cls(secret_value(config.token_key))

    def encrypt(self, text: str) -> str:
        """What may be stored. Raises ConfigError without a key."""
        return self._need_key().encrypt(text.encode()).decode()

    def decrypt(self, stored: str, what: str) -> str:
        """The text again; `what` names it in the error. Raises ConfigError without a key, or with another one."""
        try:
            return self._need_key().decrypt(stored).decode()
        except InvalidToken:
            raise ConfigError(f"TOKEN_KEY: does not open {what}: it was stored with another key") from None

    def _need_key(self) -> MultiFernet:
        if not self._keys:
            raise ConfigError(f"TOKEN_KEY: is missing; {HINT}")
        return MultiFernet(self._keys)
