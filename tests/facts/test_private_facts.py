"""Every private name of somebody else's that we touch: it is there, and it is what we take it for.

What is touched is found by reading our source, so that a new touch that nobody has pinned fails here. Each of them may
change in any release: this is what says so. CI runs it with the newest libraries and with the oldest that we allow.
"""

import ast
import asyncio
import inspect
import json.encoder
import socket
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from marshmallow import Schema, ValidationError, fields, post_load, validates, validates_schema
from marshmallow.decorators import POST_LOAD
from marshmallow.error_store import ErrorStore
from tornado import util
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.iostream import IOStream
from tornado.tcpserver import TCPServer
from tornado.web import Application, RequestHandler, _UIModuleNamespace
from tornado.websocket import WebSocketProtocol13, _WebSocketParams

import tornado_wssec

FOLDER: Final = Path(tornado_wssec.__file__).parent
LIBRARIES: Final = ("tornado", "marshmallow", "asyncio", "json", "redis", "jwt", "click", "sqlite3", "ssl")

OF_CLASSES: Final[Mapping[type, str]] = {
    RequestHandler: "_ui_method log_exception",
    WebSocketProtocol13: "_abort _handle_message _receive_frame_loop _write_frame",
    fields.Field: "_deserialize _serialize _validate _validate_missing _bind_to_schema",
    fields.Number: "_validated",
    Schema: "_do_load _call_and_store _run_validator _invoke_field_validators _invoke_schema_validators"
    " _invoke_load_processors",
}
"""Methods that we call, override, or look for in a subclass."""

OF_MODULES: Final[Mapping[str, object]] = {
    "_UIModuleNamespace": _UIModuleNamespace,
    "_WebSocketParams": _WebSocketParams,
    "_websocket_mask": util._websocket_mask,
    "_enter_task": asyncio.tasks._enter_task,
    "_leave_task": asyncio.tasks._leave_task,
}
"""What we import."""


class Answers(HTTPConnection):
    """A connection for a request that never came from anywhere."""

    def set_close_callback(self, callback: Any) -> None:
        """Nobody closes it."""


def request() -> HTTPServerRequest:
    """What a handler is made for."""
    line = RequestStartLine("GET", "/", "HTTP/1.1")
    return HTTPServerRequest(start_line=line, headers=HTTPHeaders({"Host": "here"}), connection=Answers())


class Sample(Schema):
    """One field, and each hook."""

    size = fields.Integer(required=True)
    inner = fields.Nested(lambda: Schema.from_dict({"name": fields.String()})())

    @validates("size")
    def check_size(self, value: int, data_key: str) -> None:
        if value > 9:
            raise ValidationError("too large")

    @validates_schema
    def check_all(self, data: dict[str, Any], **named: Any) -> None:
        if data["size"] == 8:
            raise ValidationError("eight")

    @post_load
    def double(self, data: dict[str, Any], **named: Any) -> dict[str, Any]:
        return {**data, "size": 2 * data["size"]}


ON_OBJECTS: Final[Mapping[str, tuple[Any, type]]] = {
    "_headers": (RequestHandler(Application(), request()), HTTPHeaders),
    "_reason": (RequestHandler(Application(), request()), str),
    "_write_buffer of a handler": (RequestHandler(Application(), request()), list),
    "_headers_written": (RequestHandler(Application(), request()), bool),
    "_auto_finish": (RequestHandler(Application(), request()), bool),
    "_start_time": (request(), float),
    "_finish_time": (request(), type(None)),
    "_sockets": (TCPServer(), dict),
    "_handlers": (TCPServer(), dict),
    "_hooks": (Sample(), Mapping),
}
"""What objects have that we read, replace or let go of, and its kind."""

ELSEWHERE: Final = frozenset({"_read_buffer", "_tt_modules", "_transforms", "_prepared_future", "_on_close_called"})
"""Pinned by the tests below, and by those of Tornado's streams."""

NOT_PRIVATE: Final = frozenset({"_asdict", "_replace", "_value_", "_value2member_map_", "_abc_impl"})
"""Documented in spite of their names, or kept by the language in a class."""

NOT_PINNED: Final = {"_tornado": "an attribute that is looked for, and need not be there: Bokeh's application"}


def names_touched() -> dict[str, list[str]]:
    """Private name → where it is touched, for those that nothing of ours defines."""
    touched: dict[str, list[str]] = defaultdict(list)
    ours: set[str] = set()
    for path in sorted(FOLDER.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        ours.update(_defined(tree))
        for name, line in _mentioned(tree):
            touched[name].append(f"{path.relative_to(FOLDER)}:{line}")
    return {name: places for name, places in touched.items() if name not in ours}


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.alias(asname=str(name)):
                yield name


def _mentioned(tree: ast.Module) -> Iterator[tuple[str, int]]:
    pieces = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if _is_private(name):
                yield name, node.lineno
            case ast.ImportFrom(module=str(module), level=0) if module.partition(".")[0] in LIBRARIES:
                yield from ((alias.name, node.lineno) for alias in node.names if _is_private(alias.name))
            case ast.Constant(value=str(name)) if _is_private(name) and name.isidentifier() and node not in pieces:
                yield name, node.lineno


def _is_private(name: str) -> bool:
    return (name.startswith("_") and not name.startswith("__") and name.lower() == name) or name in OF_MODULES


def test_every_private_name_that_we_touch_is_pinned() -> None:
    """A new one needs a fact here, and a reason not to have found another way."""
    pinned = {name for names in OF_CLASSES.values() for name in names.split()}
    pinned |= {name.partition(" ")[0] for name in ON_OBJECTS}
    pinned |= {*OF_MODULES, *ELSEWHERE, *NOT_PRIVATE, *NOT_PINNED}
    unpinned = {
        name: places for name, places in names_touched().items() if name not in pinned and not name.startswith("_wssec")
    }

    assert {} == unpinned


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in OF_CLASSES.items() for name in names.split()]
)
def test_private_method_is_there(owner: type, name: str) -> None:
    """By this name, on this class."""

    assert callable(getattr(owner, name))


@pytest.mark.parametrize("name", ON_OBJECTS)
def test_private_attribute_is_there(name: str) -> None:
    """And of the kind that we take it for."""
    thing, kind = ON_OBJECTS[name]

    assert isinstance(getattr(thing, name.partition(" ")[0]), kind)


@pytest.mark.parametrize("name", OF_MODULES)
def test_private_import_is_there(name: str) -> None:
    """A class or a function."""

    assert callable(OF_MODULES[name])


def test_tornado_templates_find_modules_by_handler_and_names() -> None:
    """`_UIModuleNamespace(handler, ui_modules)`, and `_ui_method(method)` binds a method to a handler."""
    handler = RequestHandler(Application(), request())
    bound: Any = handler._ui_method(lambda own, word: f"{own is handler} {word}")
    modules: Any = _UIModuleNamespace(handler, {})

    assert (handler, {}) == (modules.handler, modules.ui_modules)
    assert "True hi" == bound("hi")
    assert {"_tt_modules", "modules"} <= set(handler.ui)


def test_tornado_handler_holds_transforms_for_its_response() -> None:
    """`_transforms` is what a handler has once its request is carried out; before it says nothing or None."""

    assert getattr(RequestHandler(Application(), request()), "_transforms", None) is None
    assert "_transforms" in inspect.getsource(RequestHandler)
    assert "_prepared_future" in inspect.getsource(RequestHandler)


def test_tornado_websocket_params_are_those_that_we_give() -> None:
    """A cap for messages is among them."""

    assert "max_message_size" in inspect.signature(_WebSocketParams).parameters


def test_tornado_stream_buffers_what_it_writes() -> None:
    """`_write_buffer` has a length: how much nobody has taken yet."""

    async def scenario() -> int:
        ours, peers = socket.socketpair()
        with peers:
            stream: Any = IOStream(ours)
            found = len(stream._write_buffer)
            stream.close()
            return found

    assert 0 == asyncio.run(scenario())


def test_asyncio_tasks_are_entered_and_left() -> None:
    """`_enter_task(loop, task)` makes it the current one, and `_leave_task` undoes that."""

    async def scenario() -> list[Any]:
        loop, outer, inner = asyncio.get_running_loop(), asyncio.current_task(), object()
        assert outer is not None
        asyncio.tasks._leave_task(loop, outer)
        asyncio.tasks._enter_task(loop, inner)  # type: ignore[arg-type]  # as `eager` does with what is no task
        found = asyncio.current_task()
        asyncio.tasks._leave_task(loop, inner)  # type: ignore[arg-type]  # see above
        asyncio.tasks._enter_task(loop, outer)
        return [found is inner, asyncio.current_task() is outer]

    assert [True, True] == asyncio.run(scenario())


def test_json_encoder_in_c_takes_nine_arguments() -> None:
    """`c_make_encoder` as `JSONEncoder.iterencode` calls it; it writes a tuple of pieces."""
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    make: Any = getattr(json.encoder, "c_make_encoder")  # noqa: B009 - typeshed lists no C code
    quote = json.encoder.encode_basestring
    write = make(None, encoder.default, quote, None, ":", ",", False, False, False)

    assert '{"a":["ü",1,true,null]}' == "".join(write({"a": ["ü", 1, True, None]}, 0))


def test_marshmallow_validators_are_invoked_as_we_do() -> None:
    """The hooks of a schema, one kind after another, with what each is given."""
    schema: Any = Sample()
    make: Any = ErrorStore
    errors = make()
    common = {"many": False, "original_data": {"size": 3}, "partial": None, "unknown": None}
    schema._invoke_field_validators(error_store=errors, data={"size": 10}, many=False)
    assert {"size": ["too large"]} == errors.errors
    errors = make()
    schema._invoke_schema_validators(
        error_store=errors, pass_collection=False, data={"size": 8}, field_errors=False, **common
    )

    assert {"_schema": ["eight"]} == errors.errors
    assert {"size": 6} == schema._invoke_load_processors(POST_LOAD, {"size": 3}, **common)
    assert bool(schema._hooks.get(POST_LOAD))


def test_marshmallow_fields_read_by_deserialize_and_check_by_validate() -> None:
    """`_deserialize(value, attr, data)` converts, `_validate(value)` asks the validators; `deserialize` calls both."""
    field = fields.Integer(validate=lambda value: None)

    assert 3 == field._deserialize("3", "size", {})
    assert "3" == fields.String()._serialize("3", "size", {})
    assert {"self", "value"} == set(inspect.signature(fields.Field._validate).parameters)
    field._bind_to_schema("size", Sample())
    assert "size" == field.name


def test_marshmallow_nested_field_keeps_the_schema_that_it_made() -> None:
    """`_schema`: what we put there is what it reads with."""
    field = Sample().fields["inner"]
    assert isinstance(field, fields.Nested)
    made = field.schema
    assert made is field._schema
