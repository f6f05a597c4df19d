// Brings a page up to date in place, or says that it is not.

// Whether `fresh` is a later state of `old` and not another thing in its place.
function alike(old, fresh) {
  return old.nodeName === fresh.nodeName && old.id === fresh.id && old.classList?.[0] === fresh.classList?.[0];
}

// Makes `old` equal to `fresh`, which is alike, and touches only what differs, so that scroll position, focus,
// selected text and opened details stay.
export function morph(old, fresh) {
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

// Says in `#connection` that what is seen is old, and why; an empty text takes that back.
export function say(text) {
  const connection = document.getElementById("connection");
  const silent = text === "";
  document.documentElement.classList.toggle("stale", !silent);
  if (connection.hidden !== silent) connection.hidden = silent;
  if (connection.textContent !== text) connection.textContent = text;
}
