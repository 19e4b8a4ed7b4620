"""Dashboards of business customers: each sees its own figures and nobody else's."""

from marshmallow import Schema, fields, validate

from tornado_wssec import Channel, Message, StrictBoolean, StrictDateTime, StrictFloat, StrictInteger

Tenant = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))
Dashboard = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))
METRIC = validate.Regexp(r"[a-z][a-z0-9_]{0,63}\Z")
Metric = fields.String(required=True, validate=METRIC)
LARGEST = 1e15
STEPS = ("10s", "1m", "1h", "1d")


class Sample(Schema):
    """A value at a moment; None where nothing was measured."""

    at = StrictDateTime(required=True)
    value = StrictFloat(required=True, allow_none=True, validate=validate.Range(-LARGEST, LARGEST))


class Series(Schema):
    """One line of a chart."""

    metric = Metric
    labels = fields.Dict(
        keys=fields.String(validate=METRIC),
        values=fields.String(validate=validate.Length(max=64)),
        load_default=dict,
        validate=validate.Length(max=8),
    )
    samples = fields.List(fields.Nested(Sample), required=True, validate=validate.Length(max=120))


class AskFigures(Message):
    """Ask for the figures of a span of time; the tenant is that of the token, whatever the client writes."""

    class Meta:
        type = "dashboard.ask"
        permission = "tenant:{tenant}:read"
        rate = "5/second, 100/minute"
        max_bytes = 4 * 1024
        bind = {"tenant": "tenant"}
        cost = 2

    tenant = Tenant
    dashboard = Dashboard
    metrics = fields.List(fields.String(validate=METRIC), required=True, validate=validate.Length(1, 16))
    since = StrictDateTime(required=True)
    until = StrictDateTime(allow_none=True, load_default=None)
    step = fields.String(load_default="1m", validate=validate.OneOf(STEPS))
    most = StrictInteger(load_default=120, validate=validate.Range(1, 1_000))


class Watch(Message):
    """Say which figures to push, and how often at most."""

    class Meta:
        type = "dashboard.watch"
        permission = "tenant:{tenant}:read"
        rate = "1/second, 30/minute"
        max_bytes = 4 * 1024
        bind = {"tenant": "tenant"}

    tenant = Tenant
    dashboard = Dashboard
    metrics = fields.List(fields.String(validate=METRIC), required=True, validate=validate.Length(1, 16))
    step = fields.String(load_default="10s", validate=validate.OneOf(STEPS))
    compare = StrictBoolean(load_default=False)


class Figures(Message):
    """The newest figures of a dashboard. What a slow reader has missed is old, so it gets the newest alone."""

    class Meta:
        type = "dashboard.figures"
        direction = "out"
        permission = "tenant:{tenant}:read"
        coalesce = "{tenant}/{dashboard}"

    tenant = Tenant
    dashboard = Dashboard
    revision = StrictInteger(required=True, validate=validate.Range(min=0))
    day = fields.Date(required=True)
    series = fields.List(fields.Nested(Series), required=True, validate=validate.Length(max=16))


class Alarm(Message):
    """A figure has left the range that somebody set for it."""

    class Meta:
        type = "dashboard.alarm"
        direction = "out"
        permission = "tenant:{tenant}:read"

    tenant = Tenant
    metric = Metric
    severity = fields.String(required=True, validate=validate.OneOf(("info", "warning", "critical")))
    value = StrictFloat(required=True, validate=validate.Range(-LARGEST, LARGEST))
    threshold = StrictFloat(required=True, validate=validate.Range(-LARGEST, LARGEST))
    at = StrictDateTime(required=True)


class DashboardChannel(Channel):
    """One dashboard of one tenant."""

    class Meta:
        pattern = "tenant:{tenant}:dashboard:{dashboard}"
        subscribe = "tenant:{tenant}:read"
        publish = None
        bind = {"tenant": "tenant"}  # whatever was granted: nobody listens for another tenant

    tenant = Tenant
    dashboard = Dashboard


class AlarmChannel(Channel):
    """The alarms of one tenant."""

    class Meta:
        pattern = "tenant:{tenant}:alarms"
        subscribe = "tenant:{tenant}:read"
        publish = None
        bind = {"tenant": "tenant"}

    tenant = Tenant
