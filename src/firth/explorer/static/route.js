// The state of the page is its address, so that every state can be shared and "back" works:
//   #/neighbors/king?topn=20    #/map/king?color=trust&at=0.1,0.2,8    #/analogy?plus=king&minus=man&plus=woman

/** Views about one word: it stands in the path, percent-encoded. */
const OF_A_WORD = new Set(["neighbors", "map", "compare"]);
const HOME = "neighbors";

/** Return `{view, params}` of an address's hash; `params.get("word")` is null without a word. */
export function parse(hash) {
  const text = hash.replace(/^#\/?/, "");
  const [path, ...query] = text.split("?");
  const [view, ...rest] = path.split("/");
  const params = new URLSearchParams(query.join("?"));
  if (rest.length) params.set("word", decoded(rest.join("/")));
  return { view: view || HOME, params };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % that somebody typed
  }
}

/** Return the hash of a state. `values`: what `URLSearchParams` takes; arrays repeat, null leaves out. */
export function address(view, values = {}) {
  const params = values instanceof URLSearchParams ? new URLSearchParams(values) : fromObject(values);
  let path = `#/${view}`;
  if (OF_A_WORD.has(view) && params.has("word")) {
    path += `/${encodeURIComponent(params.get("word").toWellFormed())}`;
    params.delete("word");
  }
  const query = params.toString().replaceAll("%2C", ",");
  return query ? `${path}?${query}` : path;
}

function fromObject(values) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of [value].flat()) {
      if (one !== null && one !== undefined) params.append(name, one);
    }
  }
  return params;
}

/** Return `params` with some values replaced: arrays repeat, null takes one out. */
export function changed(params, values) {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(values)) {
    next.delete(name);
    for (const one of [value].flat()) {
      if (one !== null && one !== undefined) next.append(name, one);
    }
  }
  return next;
}

/** Go to a state: a new entry in the history. */
export function go(view, values) {
  location.hash = address(view, values);
}

/** Note a state without an entry in the history, and without drawing anything again. */
export function note(view, values) {
  history.replaceState(history.state, "", address(view, values));
}
