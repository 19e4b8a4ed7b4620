"""Boards on which people draw together."""

from marshmallow import Schema, fields, validate

from tornado_wssec import Channel, Message, StrictDateTime, StrictFloat, StrictInteger

Board = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))
Tag = fields.String(validate=validate.Length(1, 32))
Author = fields.String(required=True, validate=validate.Length(1, 128))
ROLES = ("owner", "editor", "viewer", "nobody")
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

    author = Author


class Undo(Message):
    """Take back a stroke of one's own. Whose it was need not be asked: it is taken back in one's own name."""

    class Meta:
        type = "board.undo"
        permission = "board:{board}:draw"
        rate = "10/second, 300/minute"
        max_bytes = 1024

    board = Board
    stroke = fields.UUID(required=True)


class Undone(Message):
    """The stroke of this author, if he has drawn it, is gone; nobody else's is, whatever its id."""

    class Meta:
        type = "board.undone"
        direction = "out"
        permission = "board:{board}:view"

    board = Board
    stroke = fields.UUID(required=True)
    author = Author


class Clear(Message):
    """Wipe a board."""

    class Meta:
        type = "board.clear"
        permission = "board:{board}:manage"
        rate = "2/second, 20/minute"
        max_bytes = 1024

    board = Board


class Cleared(Message):
    """A board has been wiped: what was drawn before is gone."""

    class Meta:
        type = "board.cleared"
        direction = "out"
        permission = "board:{board}:view"

    board = Board
    author = Author


class Look(Message):
    """Ask who is here, and what everybody may do."""

    class Meta:
        type = "board.look"
        permission = "board:{board}:view"
        rate = "5/second"
        max_bytes = 1024

    board = Board


class Share(Message):
    """Say what somebody may do on a board from now on; `nobody` takes everything away."""

    class Meta:
        type = "board.share"
        permission = "board:{board}:manage"
        rate = "5/second, 60/minute"
        max_bytes = 1024

    board = Board
    person = Author
    role = fields.String(required=True, validate=validate.OneOf(("editor", "viewer", "nobody")))


class Shared(Message):
    """Somebody may do something else on a board from now on."""

    class Meta:
        type = "board.shared"
        direction = "out"
        permission = "board:{board}:view"

    board = Board
    person = Author
    role = fields.String(required=True, validate=validate.OneOf(ROLES))


class People(Message):
    """Who is here, each once however many windows he has open."""

    class Meta:
        type = "board.people"
        direction = "out"
        permission = "board:{board}:view"

    board = Board
    people = fields.List(
        fields.String(validate=validate.Length(max=128)), required=True, validate=validate.Length(max=100)
    )


class Cursor(Message):
    """Where somebody points. Clients tell it each other; a slow reader misses some."""

    class Meta:
        type = "board.cursor"
        direction = "both"
        permission = "board:{board}:view"
        bind = {"author": "sub"}
        rate = "10/second"
        max_bytes = 1024
        overflow = "drop_oldest"

    board = Board
    author = fields.String(validate=validate.Length(max=128))
    x = StrictFloat(required=True, validate=validate.Range(-100_000, 100_000))
    y = StrictFloat(required=True, validate=validate.Range(-100_000, 100_000))


class BoardChannel(Channel):
    """What is on one board: strokes, and what became of them. Who comes gets all that is kept."""

    class Meta:
        pattern = "board:{board}"
        subscribe = "board:{board}:view"
        publish = None
        history = 1_000
        ttl = 24 * 3_600

    board = Board


class LiveChannel(Channel):
    """What passes on one board: who is here, where they point, who may do what."""

    class Meta:
        pattern = "board:{board}:live"
        subscribe = "board:{board}:view"
        publish = "board:{board}:view"
        accepts = [Cursor]
        presence = True

    board = Board
