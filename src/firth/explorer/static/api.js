// The explorer's HTTP interface (/openapi.json), asked with GET and nothing else.

/** An answer that says what is wrong; `spelling` holds words that may have been meant instead of `word`. */
export class ApiError extends Error {
  constructor(status, message, more = {}) {
    super(message);
    this.status = status;
    this.word = more.word;
    this.spelling = more.spelling ?? [];
  }
}

/** Return the address of a question; arrays repeat, null and undefined leave out. */
export function url(path, values = {}) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of [value].flat()) {
      if (one !== null && one !== undefined) params.append(name, one);
    }
  }
  const query = params.toString();
  return query ? `/api/${path}?${query}` : `/api/${path}`;
}

async function fetched(path, values, signal) {
  let response;
  try {
    response = await fetch(url(path, values), { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "firth does not answer: it may have been stopped. Start it again and reload the page.");
  }
  if (response.ok) return response;
  const { error = {} } = await response.json().catch(() => ({}));
  throw new ApiError(response.status, error.message ?? `the server answers ${response.status}`, error);
}

/** Return an answer in JSON. */
export async function ask(path, values, signal) {
  return (await fetched(path, values, signal)).json();
}

/** Return an answer in bytes. */
export async function askBytes(path, values, signal) {
  return (await fetched(path, values, signal)).arrayBuffer();
}

/** Return a function that gives a new signal, and ends what the one before was given to. */
export function turns() {
  let controller = new AbortController();
  const next = () => {
    controller.abort();
    controller = new AbortController();
    return controller.signal;
  };
  next.current = () => controller.signal;
  next.end = () => controller.abort();
  return next;
}

/**
 * Listen to events of the server; `handlers` by the event's name get its data. The browser connects again by
 * itself: `onLine(connected)` tells when the connection breaks and when it is there. Returns what ends it.
 */
export function listen(values, handlers, onLine = () => {}) {
  const source = new EventSource(url("events", values));
  source.addEventListener("open", () => onLine(true));
  source.addEventListener("error", () => onLine(false));
  for (const [name, handler] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handler(JSON.parse(event.data)));
  }
  return () => source.close();
}
