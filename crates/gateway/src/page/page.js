// Unfolds groups in their place, asks in a dialogue, refreshes on request. Without it each of these is a page.
import { morph, say } from "./morph.js";

const PATIENCE = 10000; // Milliseconds for one answer.
const EVERY = 10000; // Milliseconds between two refreshes.
const MOST = 200; // Unfolded things that are remembered.
const OPEN = "pushgateway-open";
const REFRESH = "pushgateway-refresh";
const dialog = document.getElementById("dialog");

// A storage that is full or forbidden loses comfort only.
function stored(storage, key) {
  try {
    return storage.getItem(key);
  } catch {
    return null;
  }
}
function store(storage, key, value) {
  try {
    storage.setItem(key, value);
  } catch {}
}

// What is unfolded, by key: a group's path, or that and a family's name.
const open = new Set((stored(sessionStorage, OPEN) ?? "").split("\n").filter(Boolean));
const keyOf = (details) => {
  const group = details.closest("details.card");
  return group === details || !group ? `${details.dataset.key}` : `${group.dataset.key} ${details.dataset.key}`;
};
function remember(details) {
  const key = keyOf(details);
  open.delete(key);
  if (details.open) open.add(key);
  store(sessionStorage, OPEN, [...open].slice(-MOST).join("\n"));
}

async function documentAt(address, codes = [200]) {
  const answer = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (!codes.includes(answer.status)) throw new Error(`the gateway answers with status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Puts what a group holds into its place, unless it is there already.
async function load(group) {
  const more = group.querySelector(":scope > .body .more");
  if (!more || group.dataset.loading) return;
  group.dataset.loading = "yes";
  try {
    const answer = await documentAt(more.href, [200, 404]);
    const body = answer.getElementById("group") ?? answer.getElementById("gone");
    if (!body) throw new Error("something else answers at this address");
    body.removeAttribute("id");
    body.className = "body";
    group.querySelector(":scope > .body").replaceWith(body);
    for (const family of body.querySelectorAll("details.family")) family.open = open.has(keyOf(family));
  } catch {
    // The link is still there.
  } finally {
    delete group.dataset.loading;
  }
}

document.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.matches?.("details[data-key]")) return;
    remember(target);
    if (target.open && target.matches(".card")) load(target);
  },
  true, // The event does not bubble.
);
for (const details of document.querySelectorAll("details[data-key]")) {
  if (open.has(keyOf(details))) details.open = true; // And its event loads it.
}

async function ask(link) {
  try {
    const question = (await documentAt(link.href)).getElementById("confirm");
    const back = question.querySelector("[name=back]");
    if (document.getElementById("groups")) back.value = location.search.slice(1);
    dialog.replaceChildren(question);
    dialog.showModal();
    question.querySelector(".cancel").focus();
  } catch {
    location.assign(link.href);
  }
}

async function copy(button) {
  const text = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    // Only encrypted and local pages may write to the clipboard.
    getSelection().selectAllChildren(text);
    button.textContent = "Selected";
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.delete, .cancel, .copy");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.matches(".copy")) {
    copy(link);
  } else if (link.matches(".delete")) {
    event.preventDefault();
    ask(link);
  } else if (dialog.open) {
    event.preventDefault();
    dialog.close();
  }
});
document.querySelector("form.filter")?.addEventListener("change", ({ target, currentTarget }) => {
  if (target.matches("select, [type=checkbox]")) currentTarget.requestSubmit();
});

// That something was deleted is said once.
const here = new URL(location.href);
if (here.searchParams.has("deleted")) {
  here.searchParams.delete("deleted");
  history.replaceState(null, "", here);
}

let timer = 0;
let heard = Date.now();
const box = document.getElementById("refresh");

async function refresh() {
  const answer = await documentAt(location.href, [200, 404]);
  const main = answer.querySelector("main");
  if (!main) throw new Error("something else answers at this address");
  for (const { dataset } of document.querySelectorAll("details.card[open]")) {
    const fresh = main.querySelector(`details.card[data-key="${CSS.escape(dataset.key)}"]`);
    if (fresh) await load(fresh);
  }
  ready(main);
  morph(document.querySelector("main"), main);
  document.title = answer.title;
}

async function tick() {
  clearTimeout(timer);
  if (!box.checked) return say("");
  if (!document.hidden && !dialog.open) {
    try {
      await refresh();
      heard = Date.now();
      say("");
    } catch (error) {
      const why = error instanceof TypeError || error.name === "TimeoutError" ? "the gateway does not answer" : error.message;
      say(`Connection lost: ${why}. What you see is ${Math.round((Date.now() - heard) / 1000)} s old. Trying again.`);
    }
  }
  clearTimeout(timer);
  if (box.checked) timer = setTimeout(tick, EVERY);
}

// Shows what only works with this script.
function ready(root) {
  for (const element of root.querySelectorAll(".needs-script")) element.hidden = false;
}
ready(document);
box.checked = stored(localStorage, REFRESH) === "on";
box.addEventListener("change", () => {
  store(localStorage, REFRESH, box.checked ? "on" : "off");
  tick();
});
document.addEventListener("visibilitychange", () => box.checked && tick());
if (box.checked) timer = setTimeout(tick, EVERY);
