"""The three sites, faked over their real wire shapes on loopback, with faults on demand (docs/sandbox.md)."""
