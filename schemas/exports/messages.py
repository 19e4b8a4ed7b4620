"""Types of messages. Made by `wssec schemas export --format python`. Do not edit: make it anew."""

import datetime
import decimal
import ipaddress
import uuid
from typing import Literal, NotRequired, TypedDict

import schemas.devices
import schemas.market
import schemas.moderation


class ChatSendData(TypedDict):
    """`data` of `chat.send`, as a handler gets it."""

    room: str
    text: str


class ChatPostedData(TypedDict):
    """`data` of `chat.posted`, as it is sent."""

    room: str
    text: str
    author: str


class DashboardAskData(TypedDict):
    """`data` of `dashboard.ask`, as a handler gets it."""

    tenant: str
    dashboard: str
    metrics: list[str]
    since: datetime.datetime
    until: datetime.datetime | None
    step: Literal["10s", "1m", "1h", "1d"]
    most: int


class DashboardWatchData(TypedDict):
    """`data` of `dashboard.watch`, as a handler gets it."""

    tenant: str
    dashboard: str
    metrics: list[str]
    step: Literal["10s", "1m", "1h", "1d"]
    compare: bool


class Sample(TypedDict):
    """`Sample`, nested in others."""

    at: datetime.datetime
    value: float | None


class Series(TypedDict):
    """`Series`, nested in others."""

    metric: str
    labels: NotRequired[dict[str, str]]
    samples: list[Sample]


class DashboardFiguresData(TypedDict):
    """`data` of `dashboard.figures`, as it is sent."""

    tenant: str
    dashboard: str
    revision: int
    day: datetime.date
    series: list[Series]


class DashboardAlarmData(TypedDict):
    """`data` of `dashboard.alarm`, as it is sent."""

    tenant: str
    metric: str
    severity: Literal["info", "warning", "critical"]
    value: float
    threshold: float
    at: datetime.datetime


class Reading(TypedDict):
    """`Reading`, nested in others."""

    sensor: str
    value: float
    unit: str


class Position(TypedDict):
    """`Position`, nested in others."""

    at: tuple[float, float]
    within: float | None


class DeviceTelemetryData(TypedDict):
    """`data` of `device.telemetry`, as a handler gets it."""

    device: str
    at: datetime.datetime
    readings: list[Reading]
    position: Position | None
    health: schemas.devices.Health
    up_for: NotRequired[datetime.timedelta]
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None


class DeviceCommandData(TypedDict):
    """`data` of `device.command`, as a handler gets it."""

    device: str
    command: uuid.UUID
    action: Literal["reboot", "locate", "lock", "unlock", "set"]
    settings: dict[str, float]
    wait_seconds: int


class DeviceAcknowledgeData(TypedDict):
    """`data` of `device.acknowledge`, as a handler gets it."""

    device: str
    command: uuid.UUID
    done: bool
    why: str


class DeviceMineData(TypedDict):
    """`data` of `device.mine`, as a handler gets it."""


class DeviceEnrolData(TypedDict):
    """`data` of `device.enrol`, as a handler gets it."""

    kind: Literal["lamp", "thermostat"]
    label: str


class DeviceRemoveData(TypedDict):
    """`data` of `device.remove`, as a handler gets it."""

    device: str


class DeviceOrderedData(TypedDict):
    """`data` of `device.ordered`, as it is sent."""

    device: str
    command: uuid.UUID
    action: Literal["reboot", "locate", "lock", "unlock", "set"]
    settings: dict[str, float]


class Reading2(TypedDict):
    """`Reading`, nested in others."""

    sensor: str
    value: float
    unit: NotRequired[str]


class DeviceReportedData(TypedDict):
    """`data` of `device.reported`, as it is sent."""

    device: str
    at: datetime.datetime
    readings: list[Reading2]
    health: schemas.devices.Health


class DeviceSeenData(TypedDict):
    """`data` of `device.seen`, as it is sent."""

    device: str
    online: bool
    at: datetime.datetime


class DeviceAcknowledgedData(TypedDict):
    """`data` of `device.acknowledged`, as it is sent."""

    device: str
    command: uuid.UUID
    done: bool
    why: str


class Depth(TypedDict):
    """`Depth`, nested in others."""

    price: decimal.Decimal
    quantity: int


class MarketQuoteData(TypedDict):
    """`data` of `market.quote`, as it is sent."""

    symbol: str
    bid: decimal.Decimal | None
    ask: decimal.Decimal | None
    bids: NotRequired[list[Depth]]
    asks: NotRequired[list[Depth]]
    at: datetime.datetime


class OrderPlaceData(TypedDict):
    """`data` of `order.place`, as a handler gets it."""

    order: uuid.UUID
    account: str
    symbol: str
    side: schemas.market.Side
    quantity: int
    limit: decimal.Decimal | None
    time_in_force: Literal["day", "gtc", "ioc", "fok"]
    reduce_only: bool


class OrderCancelData(TypedDict):
    """`data` of `order.cancel`, as a handler gets it."""

    order: uuid.UUID
    account: str


class OrderChangedData(TypedDict):
    """`data` of `order.changed`, as it is sent."""

    order: uuid.UUID
    account: str
    symbol: str
    side: schemas.market.Side
    quantity: int
    limit: decimal.Decimal | None
    state: schemas.market.State
    filled: int
    average: decimal.Decimal | None
    at: datetime.datetime


class ModerationActData(TypedDict):
    """`data` of `moderation.act`, as a handler gets it."""

    room: str
    subject: str
    measure: schemas.moderation.Measure
    seconds: NotRequired[int]
    reason: str


class ModerationPardonData(TypedDict):
    """`data` of `moderation.pardon`, as a handler gets it."""

    room: str
    subject: str
    measure: schemas.moderation.Measure


class ModerationLookData(TypedDict):
    """`data` of `moderation.look`, as a handler gets it."""

    room: str


class ModerationSlowData(TypedDict):
    """`data` of `moderation.slow`, as a handler gets it."""

    room: str
    seconds: int


class ModerationRemoveData(TypedDict):
    """`data` of `moderation.remove`, as a handler gets it."""

    room: str
    lines: list[uuid.UUID]


class ModerationReportData(TypedDict):
    """`data` of `moderation.report`, as a handler gets it."""

    room: str
    reporter: str
    line: uuid.UUID
    what: Literal["spam", "abuse", "illegal", "other"]
    remark: str | None


class ModerationActedData(TypedDict):
    """`data` of `moderation.acted`, as it is sent."""

    room: str
    subject: str
    measure: schemas.moderation.Measure
    until: datetime.datetime | None


class ModerationPardonedData(TypedDict):
    """`data` of `moderation.pardoned`, as it is sent."""

    room: str
    subject: str
    measure: schemas.moderation.Measure


class ModerationSlowedData(TypedDict):
    """`data` of `moderation.slowed`, as it is sent."""

    room: str
    seconds: int


class ModerationRemovedData(TypedDict):
    """`data` of `moderation.removed`, as it is sent."""

    room: str
    lines: list[uuid.UUID]


class SupportListData(TypedDict):
    """`data` of `support.list`, as a handler gets it."""


class SupportOpenData(TypedDict):
    """`data` of `support.open`, as a handler gets it."""

    subject: str


class SupportSayData(TypedDict):
    """`data` of `support.say`, as a handler gets it."""

    room: str
    text: str


class SupportAnswerData(TypedDict):
    """`data` of `support.answer`, as a handler gets it."""

    room: str
    html: str


class SupportResolveData(TypedDict):
    """`data` of `support.resolve`, as a handler gets it."""

    room: str


class SupportSaidData(TypedDict):
    """`data` of `support.said`, as it is sent."""

    room: str
    line: uuid.UUID
    author: str
    text: str
    at: datetime.datetime


class SupportAnsweredData(TypedDict):
    """`data` of `support.answered`, as it is sent."""

    room: str
    line: uuid.UUID
    author: str
    html: str
    at: datetime.datetime


class SupportChangedData(TypedDict):
    """`data` of `support.changed`, as it is sent."""

    room: str
    customer: str
    subject: str
    state: Literal["waiting", "answered", "reported", "resolved"]
    at: datetime.datetime


class Point(TypedDict):
    """`Point`, nested in others."""

    x: float
    y: float


class Style(TypedDict):
    """`Style`, nested in others."""

    width: int
    opacity: float
    dash: Literal["solid", "dashed", "dotted"]


class BoardDrawData(TypedDict):
    """`data` of `board.draw`, as a handler gets it."""

    board: str
    stroke: uuid.UUID
    shape: Literal["freehand", "line", "rectangle", "ellipse", "arrow"]
    points: list[Point]
    color: str
    style: Style
    drawn_at: datetime.datetime
    tags: list[str]


class Point2(TypedDict):
    """`Point`, nested in others."""

    x: float
    y: float


class Style2(TypedDict):
    """`Style`, nested in others."""

    width: int
    opacity: NotRequired[float]
    dash: NotRequired[Literal["solid", "dashed", "dotted"]]


class BoardDrawnData(TypedDict):
    """`data` of `board.drawn`, as it is sent."""

    board: str
    stroke: uuid.UUID
    shape: Literal["freehand", "line", "rectangle", "ellipse", "arrow"]
    points: list[Point2]
    color: str
    style: Style2
    drawn_at: datetime.datetime
    tags: NotRequired[list[str]]
    author: str


class BoardUndoData(TypedDict):
    """`data` of `board.undo`, as a handler gets it."""

    board: str
    stroke: uuid.UUID


class BoardUndoneData(TypedDict):
    """`data` of `board.undone`, as it is sent."""

    board: str
    stroke: uuid.UUID
    author: str


class BoardClearData(TypedDict):
    """`data` of `board.clear`, as a handler gets it."""

    board: str


class BoardClearedData(TypedDict):
    """`data` of `board.cleared`, as it is sent."""

    board: str
    author: str


class BoardLookData(TypedDict):
    """`data` of `board.look`, as a handler gets it."""

    board: str


class BoardShareData(TypedDict):
    """`data` of `board.share`, as a handler gets it."""

    board: str
    person: str
    role: Literal["editor", "viewer", "nobody"]


class BoardSharedData(TypedDict):
    """`data` of `board.shared`, as it is sent."""

    board: str
    person: str
    role: Literal["owner", "editor", "viewer", "nobody"]


class BoardPeopleData(TypedDict):
    """`data` of `board.people`, as it is sent."""

    board: str
    people: list[str]


class BoardCursorData(TypedDict):
    """`data` of `board.cursor`, as a handler gets it."""

    board: str
    author: NotRequired[str]
    x: float
    y: float


class BoardCursorEventData(TypedDict):
    """`data` of `board.cursor`, as it is sent."""

    board: str
    author: NotRequired[str]
    x: float
    y: float
