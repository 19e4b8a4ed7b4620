"""Devices that report what they measure, and people who command the devices that are theirs."""

from datetime import timedelta
from enum import Enum

from marshmallow import Schema, fields, validate

from tornado_wssec import (
    Channel,
    Message,
    PlainText,
    StrictBoolean,
    StrictDateTime,
    StrictFloat,
    StrictInteger,
    StrictTimeDelta,
)

Device = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{4,40}\Z"))
NAME = validate.Regexp(r"[a-z][a-z0-9_]{0,31}\Z")
FINITE = 1e12


class Health(Enum):
    """How a device feels; by name, as its display says it."""

    OK = 0
    WARN = 1
    FAIL = 2


class Position(Schema):
    """Where a device is: latitude and longitude in degrees, and how sure it is of that, in metres."""

    at = fields.Tuple(
        (StrictFloat(validate=validate.Range(-90, 90)), StrictFloat(validate=validate.Range(-180, 180))), required=True
    )
    within = StrictFloat(load_default=None, allow_none=True, validate=validate.Range(0, 100_000))


class Reading(Schema):
    """One value of one sensor."""

    sensor = fields.String(required=True, validate=NAME)
    value = StrictFloat(required=True, validate=validate.Range(-FINITE, FINITE))
    unit = fields.String(load_default="", validate=validate.Length(max=16))


class Telemetry(Message):
    """What a device has measured. A device speaks for itself alone."""

    class Meta:
        type = "device.telemetry"
        permission = "devices:report:{device}"
        rate = "10/second, 300/minute"
        max_bytes = 16 * 1024
        bind = {"device": "sub"}

    device = Device
    at = StrictDateTime(required=True)
    readings = fields.List(fields.Nested(Reading), required=True, validate=validate.Length(1, 64))
    position = fields.Nested(Position, allow_none=True, load_default=None)
    health = fields.Enum(Health, load_default=Health.OK)
    up_for = StrictTimeDelta(data_key="upFor", validate=validate.Range(min=timedelta(0), max=timedelta(days=10_000)))
    address = fields.IP(allow_none=True, load_default=None)


class Command(Message):
    """Have a device do something; only its owner may."""

    class Meta:
        type = "device.command"
        permission = "devices:command:{device}"
        rate = "5/second, 120/minute"
        max_bytes = 4 * 1024

    device = Device
    command = fields.UUID(required=True)
    action = fields.String(required=True, validate=validate.OneOf(("reboot", "locate", "lock", "unlock", "set")))
    settings = fields.Dict(
        keys=fields.String(validate=NAME),
        values=StrictFloat(validate=validate.Range(-FINITE, FINITE)),
        load_default=dict,
        validate=validate.Length(max=16),
    )
    wait_seconds = StrictInteger(data_key="waitSeconds", load_default=10, validate=validate.Range(1, 300))


class Acknowledge(Message):
    """A device has done what it was told, or says why not."""

    class Meta:
        type = "device.acknowledge"
        permission = "devices:report:{device}"
        rate = "10/second"
        max_bytes = 2 * 1024
        bind = {"device": "sub"}

    device = Device
    command = fields.UUID(required=True)
    done = StrictBoolean(required=True)
    why = fields.String(load_default="", validate=validate.Length(max=200))


class Mine(Message):
    """Tell me of my devices."""

    class Meta:
        type = "device.mine"
        permission = "devices:own"
        rate = "5/second"
        max_bytes = 512


class Enrol(Message):
    """Take a new device into one's house. The reply has its key, which nobody is ever shown again."""

    class Meta:
        type = "device.enrol"
        permission = "devices:enrol"
        rate = "10/minute"
        max_bytes = 1024

    kind = fields.String(required=True, validate=validate.OneOf(("lamp", "thermostat")))
    label = PlainText(min_length=1, max_length=40, required=True)


class Remove(Message):
    """Take a device out of the house: it is revoked wherever it is, and its key with it."""

    class Meta:
        type = "device.remove"
        permission = "devices:command:{device}"
        rate = "1/second"
        max_bytes = 512

    device = Device


class Ordered(Message):
    """What a device is to do."""

    class Meta:
        type = "device.ordered"
        direction = "out"
        permission = "devices:obey:{device}"

    device = Device
    command = fields.UUID(required=True)
    action = fields.String(required=True, validate=validate.OneOf(("reboot", "locate", "lock", "unlock", "set")))
    settings = fields.Dict(
        keys=fields.String(validate=NAME),
        values=StrictFloat(validate=validate.Range(-FINITE, FINITE)),
        required=True,
        validate=validate.Length(max=16),
    )


class Reported(Message):
    """What a device has measured, for those who may watch it. Only the newest matters to a slow reader."""

    class Meta:
        type = "device.reported"
        direction = "out"
        permission = "devices:watch:{device}"
        coalesce = "{device}"

    device = Device
    at = StrictDateTime(required=True)
    readings = fields.List(fields.Nested(Reading), required=True, validate=validate.Length(1, 64))
    health = fields.Enum(Health, required=True)


class Seen(Message):
    """A device has come or gone."""

    class Meta:
        type = "device.seen"
        direction = "out"
        permission = "devices:watch:{device}"

    device = Device
    online = StrictBoolean(required=True)
    at = StrictDateTime(required=True)


class Acknowledged(Message):
    """What became of a command."""

    class Meta:
        type = "device.acknowledged"
        direction = "out"
        permission = "devices:watch:{device}"

    device = Device
    command = fields.UUID(required=True)
    done = StrictBoolean(required=True)
    why = fields.String(required=True, validate=validate.Length(max=200))


class DeviceChannel(Channel):
    """What happens to one device; the last of it is kept, so that a page that is opened shows something at once."""

    class Meta:
        pattern = "device:{device}"
        subscribe = "devices:watch:{device}"
        publish = None
        history = 60
        ttl = 600

    device = Device


class OrdersChannel(Channel):
    """What one device is told to do; the device itself listens, and so it is known whether it is there."""

    class Meta:
        pattern = "device:{device}:orders"
        subscribe = "devices:obey:{device}"
        publish = None
        presence = True

    device = Device
