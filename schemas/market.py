"""A trading desk: quotes for everybody who may read them, orders that only their owner can have written."""

from enum import Enum

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from tornado_wssec import Channel, Message, StrictBoolean, StrictDateTime, StrictDecimal, StrictInteger

SYMBOL = r"[a-z][a-z0-9-]{0,15}\Z"
Symbol = fields.String(required=True, validate=validate.Regexp(SYMBOL))
Account = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9]{4,16}\Z"))
LARGEST_PRICE = 10_000_000


class Price(StrictDecimal):
    """An amount of money: text on the wire, exact, six digits behind the point at most."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(
            places=6, digits=16, **{"validate": validate.Range(0, LARGEST_PRICE, min_inclusive=False), **kwargs}
        )


class Side(Enum):
    """Whether one buys."""

    BUY = "buy"
    SELL = "sell"


class State(Enum):
    """How far an order has come."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class Depth(Schema):
    """What is offered at one price."""

    price = Price(required=True)
    quantity = StrictInteger(required=True, validate=validate.Range(1, 1_000_000_000))


class Quote(Message):
    """What a symbol costs now. A slow reader gets the newest of each symbol, not all of them."""

    class Meta:
        type = "market.quote"
        direction = "out"
        permission = "market:read:{symbol}"
        coalesce = "{symbol}"

    symbol = Symbol
    bid = Price(required=True, allow_none=True)
    ask = Price(required=True, allow_none=True)
    bids = fields.List(fields.Nested(Depth), load_default=list, validate=validate.Length(max=10))
    asks = fields.List(fields.Nested(Depth), load_default=list, validate=validate.Length(max=10))
    at = StrictDateTime(required=True)


class PlaceOrder(Message):
    """Buy or sell. It is signed with the client's own key, so that nobody on the way can have written it."""

    class Meta:
        type = "order.place"
        permission = "orders:place:{account}"
        rate = "10/second, 300/minute"
        max_bytes = 4 * 1024
        signed = True
        max_auth_age = 3_600

    order = fields.UUID(required=True)
    account = Account
    symbol = Symbol
    side = fields.Enum(Side, by_value=fields.String(), required=True)
    quantity = StrictInteger(required=True, validate=validate.Range(1, 1_000_000))
    limit = Price(allow_none=True, load_default=None)
    time_in_force = fields.String(
        data_key="timeInForce", load_default="day", validate=validate.OneOf(("day", "gtc", "ioc", "fok"))
    )
    reduce_only = StrictBoolean(data_key="reduceOnly", load_default=False)

    @validates_schema
    def require_limit(self, data: dict[str, object], **_: object) -> None:
        """An order that may wait says at which price."""
        if data.get("time_in_force") == "gtc" and data.get("limit") is None:
            raise ValidationError("An order that stays needs a limit.", "limit")


class CancelOrder(Message):
    """Take an order back."""

    class Meta:
        type = "order.cancel"
        permission = "orders:place:{account}"
        rate = "20/second"
        max_bytes = 2 * 1024
        signed = True

    order = fields.UUID(required=True)
    account = Account


class OrderChanged(Message):
    """What became of an order; only its account hears of it."""

    class Meta:
        type = "order.changed"
        direction = "out"
        permission = "orders:read:{account}"

    order = fields.UUID(required=True)
    account = Account
    symbol = Symbol
    side = fields.Enum(Side, by_value=fields.String(), required=True)
    quantity = StrictInteger(required=True, validate=validate.Range(1, 1_000_000))
    limit = Price(required=True, allow_none=True)
    state = fields.Enum(State, by_value=fields.String(), required=True)
    filled = StrictInteger(required=True, validate=validate.Range(0, 1_000_000))
    average = Price(required=True, allow_none=True)
    at = StrictDateTime(required=True)


class SymbolChannel(Channel):
    """The quotes of one symbol."""

    class Meta:
        pattern = "market:{symbol}"
        subscribe = "market:read:{symbol}"
        publish = None

    symbol = Symbol


class AccountChannel(Channel):
    """What happens to the orders of one account."""

    class Meta:
        pattern = "orders:{account}"
        subscribe = "orders:read:{account}"
        publish = None

    account = Account
