// Where agents write: marks, lists and links, and a paste that is text whatever it was before.

import { $, toast } from "/look/page.js";

/** Make the editor one; `submit` is called for Enter, save in a list. */
export function prepareEditor(submit) {
  const editor = $("answer");
  editor.contentEditable = "true"; // not in the markup: without this script it would take nothing
  document.execCommand("defaultParagraphSeparator", false, "p");
  editor.addEventListener("paste", (event) => {
    event.preventDefault();
    document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
  });
  editor.addEventListener("drop", (event) => event.preventDefault());
  editor.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || isInList()) return;
    submit(event);
  });
  for (const button of $("marks").querySelectorAll("[data-mark]")) {
    button.addEventListener("mousedown", (event) => event.preventDefault()); // the selection stays
    button.addEventListener("click", () => mark(button.dataset.mark));
  }
}

/** What stands in it, as HTML; nothing where there is no text. */
export function takeAnswer() {
  const editor = $("answer");
  return editor.textContent.trim() ? editor.innerHTML : "";
}

function mark(name) {
  $("answer").focus();
  const chosen = String(getSelection());
  if (name === "insertUnorderedList" && !isInList() && $("answer").textContent) document.execCommand("insertParagraph");
  if (name !== "createLink") document.execCommand(name);
  else if (/^https:\/\/\S+$/.test(chosen)) document.execCommand(name, false, chosen);
  else toast("Select an address first, such as https://parcels.example.", "warn");
}

function isInList() {
  const { anchorNode } = getSelection();
  return Boolean((anchorNode?.nodeType === Node.TEXT_NODE ? anchorNode.parentElement : anchorNode)?.closest?.("li"));
}
