// Node with `ws` and `ajv`. It answers questions on standard input as bench/peers/control.py does.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const Ajv = require("ajv");
const addFormats = require("ajv-formats");
const { WebSocket, WebSocketServer } = require("ws");

const ajv = new Ajv();
addFormats(ajv);
const schemas = JSON.parse(fs.readFileSync(path.join(__dirname, "messages.schema.json"), "utf8"));
const kinds = new Map(
  Object.entries(schemas).map(([type, { data, answer }]) => [type, { validate: ajv.compile(data), answer }]),
);
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", backlog: 1024, perMessageDeflate: false });
const listeners = new Set();

function respond(text) {
  const message = JSON.parse(text);
  const kind = kinds.get(message.type);
  if (!kind || !kind.validate(message.data)) return JSON.stringify({ type: "error", id: message.id, code: "invalid" });
  return JSON.stringify({ type: "reply", id: message.id, data: kind.answer });
}

function handOn(socket, text) {
  if (!text.includes('"chat.post"')) return socket.send("{}");
  for (const listener of listeners) if (listener.readyState === WebSocket.OPEN) listener.send(text);
}

server.on("connection", (socket, request) => {
  if (request.url === "/room") {
    listeners.add(socket);
    socket.on("close", () => listeners.delete(socket));
    socket.on("message", (data) => handOn(socket, data.toString()));
  } else {
    socket.on("message", (data) => socket.send(respond(data.toString())));
  }
});

const questions = {
  cpu() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
  resident: () => process.memoryUsage.rss(),
};

server.on("listening", () => {
  const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
  say({ port: server.address().port });
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", (line) => say(questions[line.trim()]()));
  lines.on("close", () => process.exit(0));
});
