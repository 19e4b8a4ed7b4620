"""Boards on which people draw together."""

from marshmallow import Schema, fields, validate

from tornado_wssec import Channel, Message, StrictDateTime, StrictFloat, StrictInteger

Board = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))
Tag = fields.String(validate=validate.Length(1, 32))
SHAPES = ("freehand", "line", "rectangle", "ellipse", "arrow")


class Point(Schema):
    """A place on the board, in its own units."""

    x = StrictFloat(required=True, validate=validate.Range(-100_000, 100_000))
    y = StrictFloat(required=True, validate=validate.Range(-100_000, 100_000))


class Style(Schema):
    """How a stroke looks."""

    width = StrictInteger(required=True, validate=validate.Range(1, 64))
    opacity = StrictFloat(load_default=1.0, validate=validate.Range(0, 1))
    dash = fields.String(load_default="solid", validate=validate.OneOf(("solid", "dashed", "dotted")))


class Stroke(Message):
    """One stroke of a pen. A base: drawing and having drawn are different messages."""

    board = Board
    stroke = fields.UUID(required=True)
    shape = fields.String(required=True, validate=validate.OneOf(SHAPES))
    points = fields.List(fields.Nested(Point), required=True, validate=validate.Length(1, 200))
    color = fields.String(required=True, validate=validate.Regexp(r"#[0-9a-f]{6}\Z"))
    style = fields.Nested(Style, required=True)
    drawn_at = StrictDateTime(required=True)
    tags = fields.List(
        fields.String(validate=validate.Length(1, 32)), load_default=list, validate=validate.Length(max=8)
    )


class Draw(Stroke):
    """Draw one stroke on a board."""

    class Meta:
        type = "board.draw"
        permission = "board:{board}:draw"
        rate = "30/second, 600/minute"
        max_bytes = 16 * 1024


class Drawn(Stroke):
    """Somebody has drawn a stroke."""

    class Meta:
        type = "board.drawn"
        direction = "out"
        permission = "board:{board}:view"

    author = fields.String(required=True, validate=validate.Length(max=128))


class BoardChannel(Channel):
    """What happens on one board."""

    class Meta:
        pattern = "board:{board}"
        subscribe = "board:{board}:view"
        publish = None

    board = Board
