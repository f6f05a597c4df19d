// Refreshes the page in place. Without it the page is whole, and reloads itself.
import { morph, say } from "./morph.js";

const PATIENCE = 5000; // Milliseconds for one answer.
const RETRY = 2000; // Milliseconds between attempts while there is no answer.
let heard = Date.now();
let timer = 0;
let asking = false;

async function refresh() {
  const answer = await fetch("/page/state", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(`the process answers with status ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("state");
  if (!fresh) throw new Error("something else answers at this address");
  const old = document.getElementById("state");
  if (fresh.dataset.version !== old.dataset.version) {
    location.reload();
    return RETRY;
  }
  morph(old, fresh);
  if (document.title !== fresh.dataset.title) document.title = fresh.dataset.title;
  return Number(fresh.dataset.refresh) || RETRY;
}

async function tick() {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  let wait = RETRY;
  try {
    wait = await refresh();
    heard = Date.now();
    say("");
  } catch (error) {
    const why = error instanceof TypeError || error.name === "TimeoutError" ? "the process does not answer" : error.message;
    const age = Math.round((Date.now() - heard) / 1000);
    say(`Connection lost: ${why}. What you see is ${age} s old. Trying again.`);
  }
  asking = false;
  timer = setTimeout(tick, wait);
}

document.addEventListener("visibilitychange", tick);
timer = setTimeout(tick, Number(document.getElementById("state").dataset.refresh) || RETRY);
