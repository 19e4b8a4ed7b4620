// The one place where a text becomes markup.
//
// Rules of this file:
// 1. Only an agent's answer comes here, as the server has cleaned it. Everything else that people write is text.
// 2. The page's Content-Security-Policy allows this one Trusted Types policy, and no inline script or handler: what the
//    server should ever overlook would still not run.

const answers = globalThis.trustedTypes?.createPolicy("answers", { createHTML: (html) => html });

/** What stands in a bubble. Links open elsewhere, and learn nothing of where they stood. */
export function markup(html) {
  const template = document.createElement("template");
  template.innerHTML = answers?.createHTML(html) ?? html;
  for (const link of template.content.querySelectorAll("a[href]")) link.target = "_blank";
  return template.content;
}
