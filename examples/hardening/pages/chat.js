// The page of old. No step changes a letter of it.
const { name, socket: path } = document.body.dataset;
const log = document.querySelector("#log");
const socket = new WebSocket(location.origin.replace("http", "ws") + path);
const room = "lobby";

socket.onopen = () => socket.send(JSON.stringify({ action: "join", room }));

socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.action !== "said") return;
  const line = document.createElement("p");
  if (message.html) line.innerHTML = message.html;
  else line.textContent = message.text;
  line.prepend(`${message.author}: `);
  log.append(line);
};

document.querySelector("#line").onsubmit = (event) => {
  event.preventDefault();
  const text = event.target.text.value;
  socket.send(JSON.stringify({ action: "say", room, author: name, text, ts: Date.now() }));
  event.target.reset();
};
