// What a customer would try who wants to see another one's figures; every answer is compared with the one about nobody.

import { $, make } from "/look/page.js";

const PATIENCE = 5_000;
const OTHERS = { aurora: ["baltic", "Baltic Rail"] };

const subscribe = (channel) => ({ type: "wssec.subscribe", id: "1", data: { channel } });

/** What is tried at somebody of this name. */
function tricks(own, other) {
  const since = new Date(Date.now() - 60_000).toISOString();
  return [
    ["Their channel, by its name", subscribe(`tenant:${other}:dashboard:overview`)],
    ["All tenants at once", subscribe("tenant:*:dashboard:overview")],
    ["In capitals", subscribe(`TENANT:${other.toUpperCase()}:DASHBOARD:OVERVIEW`)],
    ["By a way through one’s own", subscribe(`tenant:${own}:dashboard:../../${other}/overview`)],
    ["With a line break behind it", subscribe(`tenant:${other}:dashboard:overview\n`)],
    ["Their figures, by asking", { type: "dashboard.ask", id: "1", data: { tenant: other, dashboard: "overview", metrics: ["revenue"], since } }],
  ];
}

/** A socket of its own, by the page's own credential: `ask` gives the text of the answer, whatever it is. */
async function open(credential) {
  const shown = await credential("/ws/dashboard");
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws/dashboard", ["wssec.v1", shown]);
  let answer = () => {};
  await new Promise((resolve, reject) => {
    socket.onclose = reject;
    socket.onmessage = ({ data }) => (JSON.parse(data).type === "wssec.ready" ? resolve() : answer(data));
  });
  return {
    close: () => socket.close(1000),
    ask: (message) =>
      new Promise((resolve) => {
        answer = resolve;
        setTimeout(resolve, PATIENCE, '{"code":"no answer"}');
        socket.send(JSON.stringify(message));
      }),
  };
}

/** The answer to a message; who asks too fast waits as he is told and asks again. */
async function answerTo(line, message) {
  for (;;) {
    const said = await line.ask(message);
    const { code, retry_after: wait } = JSON.parse(said);
    if (code !== "rate_limited") return said;
    await new Promise((resolve) => setTimeout(resolve, wait * 1_000));
  }
}

/** Offer them all. */
export function offerTricks({ me, credential }) {
  const [other, name] = OTHERS[me.tenant] ?? ["aurora", "Aurora Foods"];
  const rows = tricks(me.tenant, other).map(([title]) => {
    const answer = make("span", "answer muted", "not tried");
    return { answer, item: make("li", "trick", "", make("span", "", title), answer) };
  });
  $("other").textContent = name;
  $("tricks").replaceChildren(...rows.map(({ item }) => item));
  $("spy").onclick = async () => {
    $("spy").disabled = true;
    const real = tricks(me.tenant, other);
    const nobody = tricks(me.tenant, "nobody");
    let same = 0;
    for (const [number, { answer }] of rows.entries()) {
      const line = await open(credential); // one a trick: ten mistakes end a connection
      const [said, saidOfNobody] = [await answerTo(line, real[number][1]), await answerTo(line, nobody[number][1])];
      line.close();
      const { code } = JSON.parse(said);
      const isRight = code !== undefined && said === saidOfNobody;
      answer.textContent = isRight ? `refused: ${code}` : `answered: ${said}`;
      answer.dataset.right = String(isRight);
      same += isRight;
    }
    $("verdict").textContent = `${same} of ${rows.length} refused, byte for byte as if there were no ${name}.`;
    $("spy").disabled = false;
  };
}
