"""The tables of what processes share: tokens, exits, site locks, budgets, and what was seen. The rest is in `models`."""

from __future__ import annotations

import peewee as pw

from jobdata_scrapy.db.fields import JsonField, LongTextField, UtcDateTimeField


class Token(pw.Model):
    """A session token of the operator's, its value encrypted."""

    id = pw.AutoField()
    platform = pw.CharField(32)
    name = pw.CharField(64)
    value = LongTextField()
    state = pw.CharField(16)
    reason = pw.CharField(255)
    expires_at = UtcDateTimeField(null=True)
    last_used = UtcDateTimeField(null=True)
    failures = pw.IntegerField()
    owner = pw.CharField(64, null=True)
    node = pw.CharField(255)
    lease_until = UtcDateTimeField(null=True)
    exit_name = pw.CharField(255)
    created_at = UtcDateTimeField()
    updated_at = UtcDateTimeField()

    class Meta:
        table_name = "token"
        indexes = ((("platform", "name"), True),)


class ExitPoint(pw.Model):
    """An exit as one source names it; it is known while any source does. proxy_url: encrypted where it holds a password.

    node: the only one that may use it, "" where all may.
    """

    id = pw.AutoField()
    name = pw.CharField(255)
    source = pw.CharField(128)
    proxy_url = LongTextField(null=True)
    encrypted = pw.BooleanField()
    active = pw.BooleanField()
    created_at = UtcDateTimeField()
    updated_at = UtcDateTimeField()
    node = pw.CharField(255, default="", constraints=[pw.SQL("DEFAULT ''")])

    class Meta:
        table_name = "exit"
        indexes = ((("name", "source"), True),)


class ExitUse(pw.Model):
    """What is known of a (site, exit) pair, and who holds it. not_before: the site asked for a rest until then (Retry-After)."""

    id = pw.AutoField()
    platform = pw.CharField(32)
    exit_name = pw.CharField(255)
    owner = pw.CharField(64, null=True)
    node = pw.CharField(255)
    lease_until = UtcDateTimeField(null=True)
    last_end = UtcDateTimeField(null=True)
    slowness = pw.DoubleField()
    score = pw.DoubleField()
    cool_until = UtcDateTimeField(null=True)
    cool_count = pw.IntegerField()
    cool_reason = pw.CharField(255)
    updated_at = UtcDateTimeField()
    not_before = UtcDateTimeField(null=True)

    class Meta:
        table_name = "exit_lease"
        indexes = ((("platform", "exit_name"), True),)


class SiteLock(pw.Model):
    """A lock that has been opened at least once."""

    id = pw.AutoField()
    key = pw.CharField(320, unique=True)
    is_open = pw.BooleanField()
    reason = pw.CharField(255)
    opened_at = UtcDateTimeField()
    open_until = UtcDateTimeField()
    trips = pw.IntegerField()
    probe_owner = pw.CharField(64, null=True)
    probe_until = UtcDateTimeField(null=True)
    updated_at = UtcDateTimeField()

    class Meta:
        table_name = "site_lock"


class Anomaly(pw.Model):
    """An anomaly event. id: a hash of the event, so that one that is told twice stands once."""

    id = pw.CharField(32, primary_key=True)
    platform = pw.CharField(32)
    verdict = pw.CharField(32)
    reason = pw.CharField(255)
    at = UtcDateTimeField()
    exit_name = pw.CharField(255)
    token_name = pw.CharField(64)
    keyword = pw.CharField(255)
    city = pw.CharField(64)
    run_id = pw.CharField(64)
    seen = JsonField()

    class Meta:
        table_name = "anomaly_event"
        indexes = ((("platform", "at"), False),)


class Budget(pw.Model):
    """List, detail and company pages that the whole fleet asked of a site on one Beijing day."""

    id = pw.AutoField()
    platform = pw.CharField(32)
    day = pw.CharField(10)
    spent = pw.IntegerField()

    class Meta:
        table_name = "budget"
        indexes = ((("platform", "day"), True),)
