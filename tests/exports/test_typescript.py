"""The TypeScript of the messages compiles, and catches what would be refused."""

from pathlib import Path

from tests.exports.node import compiled
from tests.exports.variety import VARIETY
from tornado_wssec import Registry
from tornado_wssec.exports.typescript import export_typescript

USE = """
import type { Inbound, InboundDataOf, Outbound, SignedInbound, ErrorCode } from "./messages";

export const good: Inbound[] = [
  { type: "chat.send", id: "1", data: { room: "lobby", text: "hello" } },
  { type: "ping" },
  {
    type: "device.telemetry",
    data: { at: "2026-01-31T12:00:00Z", readings: [{ sensor: "a", value: 1 }], position: { at: [1, 2] } },
  },
];
export const signed: SignedInbound = {
  type: "order.cancel", data: { order: "0f8fad5b-d9cb-469f-a165-70867728950e", account: "ab12" },
};
export function told(message: Outbound): string {
  switch (message.type) {
    case "chat.posted": return message.data.author;
    case "error": { const code: ErrorCode = message.code; return code; }
    case "market.quote": return message.data.bid ?? "none";
    default: return message.type;
  }
}
export const line: InboundDataOf<"chat.send"> = { room: "lobby", text: "hello" };
"""
WRONG = {
    "unknown type": 'const x: Inbound = { type: "chat.sned", data: { room: "a", text: "b" } };',
    "missing field": 'const x: Inbound = { type: "chat.send", data: { room: "a" } };',
    "unknown field": 'const x: Inbound = { type: "chat.send", data: { room: "a", text: "b", author: "c" } };',
    "wrong kind": 'const x: Inbound = { type: "chat.send", data: { room: "a", text: 1 } };',
    "wrong choice": 'const x: Inbound = { type: "moderation.report", data: { line: "", room: "", what: "x" } };',
    "one of the server's": 'const x: Inbound = { type: "chat.posted", data: { room: "a", text: "b", author: "c" } };',
    "unsigned": 'const x: Inbound = { type: "order.cancel", data: { order: "", account: "" } };',
    "read of another": 'const x = (m: Outbound) => m.type === "chat.posted" ? m.data.symbol : "";',
    "no such error": 'const x = (m: Outbound) => m.type === "error" && m.code === "nonsense";',
}


def test_typescript_compiles_and_catches_wrong_messages(tmp_path: Path) -> None:
    """Under `--strict`: right use passes, and each wrong line is an error of its own and the only one of its file."""
    (tmp_path / "messages.ts").write_text(export_typescript(Registry.scan("schemas")))
    (tmp_path / "use.ts").write_text(USE)
    files = {name.replace(" ", "-").replace("'", "") + ".ts": line for name, line in WRONG.items()}
    for name, line in files.items():
        (tmp_path / name).write_text(f'import type {{ Inbound, Outbound }} from "./messages";\nexport {line}\n')

    faults = [line for line in compiled(tmp_path) if not line.startswith(" ")]

    assert sorted(files) == sorted({Path(line.partition("(")[0]).name for line in faults}), faults


def test_typescript_of_every_kind_of_field_compiles(tmp_path: Path) -> None:
    """Strange names, comments that would end too early, tuples, what nests itself."""
    (tmp_path / "variety.ts").write_text(export_typescript(VARIETY))
    (tmp_path / "use.ts").write_text(
        'import type { EveryThingData, SmallEvent, Small } from "./variety";\n'
        'export const x: EveryThingData = { name: "a", tree: { name: "b", below: [{ name: "c" }] }, pair: ["a", 1] };\n'
    )
    faults = compiled(tmp_path)

    assert ["SmallEvent"] == [name for name in ("SmallEvent", "EveryThingData") if any(name in one for one in faults)]
    assert 1 == len(faults)


def test_typescript_is_the_same_every_time() -> None:
    """Its text depends on the declarations alone."""

    assert export_typescript(Registry.scan("schemas")) == export_typescript(Registry.scan("schemas"))
