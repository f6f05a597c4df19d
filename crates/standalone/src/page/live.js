// Refreshes the page in place. Without it the page is whole, and reloads itself.
"use strict";
(() => {
  const PATIENCE = 5000; // Milliseconds for one answer.
  const RETRY = 2000; // Milliseconds between attempts while there is no answer.
  const connection = document.getElementById("connection");
  let heard = Date.now();
  let timer = 0;
  let asking = false;

  // Whether `fresh` is a later state of `old` and not another thing in its place.
  function alike(old, fresh) {
    return old.nodeName === fresh.nodeName && old.id === fresh.id && old.classList?.[0] === fresh.classList?.[0];
  }

  // Makes `old` equal to `fresh`, which is alike, and touches only what differs, so that scroll position, focus,
  // selected text and opened details stay.
  function morph(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.data = fresh.data;
      return;
    }
    const reader = old.nodeName === "DETAILS" ? "open" : ""; // This attribute is the reader's, not ours.
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== reader) old.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value && name !== reader) old.setAttribute(name, value);
    }
    let at = old.firstChild;
    const drop = (end) => {
      while (at !== end) {
        const gone = at;
        at = at.nextSibling;
        gone.remove();
      }
    };
    for (const child of [...fresh.childNodes]) {
      let match = at;
      while (match && !alike(match, child)) match = match.nextSibling;
      if (match) {
        drop(match);
        at = match.nextSibling;
        morph(match, child);
      } else {
        old.insertBefore(child, at);
      }
    }
    drop(null);
  }

  function say(text) {
    const silent = text === "";
    document.documentElement.classList.toggle("stale", !silent);
    if (connection.hidden !== silent) connection.hidden = silent;
    if (connection.textContent !== text) connection.textContent = text;
  }

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
})();
