// What programs that read a page aloud, or work it by keyboard, stumble over, as "what is wanted: element" (WCAG 2.2,
// 1.1.1, 1.3.1, 2.4.6, 4.1.2).
const all = (selector) => [...document.querySelectorAll(selector)];
const refers = (attribute) => (e) =>
  e.hasAttribute(attribute) && !e.getAttribute(attribute).split(" ").every((id) => document.getElementById(id));
const broken = {
  "fields have a label": all("input:not([type=hidden]), select, textarea").filter((e) => !e.labels.length),
  "drawings are hidden or have a label": all("svg").filter((e) => !e.closest("[aria-hidden]") && !e.getAttribute("aria-label")),
  "progress has a label": all("progress").filter((e) => !e.getAttribute("aria-label")),
  "ids are unique": all("[id]").filter((e, i, every) => every.findIndex((o) => o.id === e.id) !== i),
  // A dialogue that is closed may lack its content.
  "labels exist": all(":not(dialog)").filter(refers("aria-labelledby")),
  "descriptions exist": all("*").filter(refers("aria-describedby")),
  "headings do not skip a level": all("h1, h2, h3, h4").filter((e, i, every) => e.nodeName[1] - (every[i - 1]?.nodeName[1] ?? 0) > 1),
  "times can be read by programs": all("time").filter((e) => isNaN(Date.parse(e.dateTime))),
  "buttons and links have words": all("a, button").filter((e) => !e.textContent.trim() && !e.getAttribute("aria-label")),
};
return Object.entries(broken).flatMap(([what, elements]) => elements.map((e) => `${what}: ${e.outerHTML.slice(0, 200)}`));
