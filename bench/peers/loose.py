"""The two messages as marshmallow's own fields know them, for the naive secured server."""

from marshmallow import Schema, fields, validate


class Chat(Schema):
    """One line."""

    room = fields.String(required=True, validate=validate.Length(1, 64))
    text = fields.String(required=True, validate=validate.Length(1, 2_000))
    reply_to = fields.Integer(required=True, strict=True)
    urgent = fields.Boolean(required=True)
    lang = fields.String(required=True, validate=validate.OneOf(["en", "de", "fr"]))


class Style(Schema):
    """How a stroke looks."""

    color = fields.String(required=True, validate=validate.Regexp(r"#[0-9a-f]{6}\Z"))
    width = fields.Float(required=True, validate=validate.Range(0.1, 100))
    tool = fields.String(required=True, validate=validate.OneOf(["pen", "marker"]))


class Point(Schema):
    """Where the pen was, how hard it was pressed, and when."""

    x = fields.Float(required=True)
    y = fields.Float(required=True)
    p = fields.Float(required=True)
    t = fields.Integer(required=True, strict=True)


class Stroke(Schema):
    """One stroke."""

    stroke = fields.UUID(required=True)
    drawn_at = fields.DateTime(required=True)
    board = fields.String(required=True, validate=validate.Length(1, 64))
    style = fields.Nested(Style, required=True)
    points = fields.List(fields.Nested(Point), required=True, validate=validate.Length(1, 500))
    tags = fields.List(fields.String(validate=validate.Length(1, 32)), required=True, validate=validate.Length(max=10))
