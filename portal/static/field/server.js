// Talking to the server. The ways for it not to work: no network, trouble at the other end (to us the same), nobody signed in, and a no
// that carries its reasons.
export class Offline extends Error {}
export class Broken extends Offline {}
export class SignedOut extends Error {}
export class No extends Error {
  constructor(answer) {
    super(answer.detail || answer.title || "The server said no.");
    this.problems = answer.errors?.length ? answer.errors : [{ message: this.message, cure: answer.cure || "" }];
  }
}

const AT = "/agency/field";
let csrf = "";

async function ask(path, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  let answer;
  try {
    answer = await fetch(AT + path, { credentials: "same-origin", cache: "no-store", redirect: "error", ...options, headers });
  } catch {
    throw new Offline();
  }
  if (answer.status === 401 || answer.status === 403) throw new SignedOut();
  if (answer.status >= 500 || answer.status === 429) throw new Broken();  // try again later
  return answer;
}

async function read(answer) {
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new No(body);
  return body;
}

// Who is signed in, what time it is there, and a fresh form token: the one from before the network went may be too old.
export async function hello() {
  const body = await read(await ask("/hello.json"));
  csrf = body.csrf;
  return body;
}

// The day's list with its tag; null when it is still the one we have.
export async function day(etag) {
  const answer = await ask("/day.json", etag ? { headers: { "If-None-Match": etag } } : {});
  if (answer.status === 304) return null;
  return { day: await read(answer), etag: answer.headers.get("ETag") };
}

export async function send(user, entries) {
  const body = JSON.stringify({ user_id: user, entries });
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf };
  return (await read(await ask("/sync", { method: "POST", body, headers }))).results;
}

export async function sendFile(file) {
  const body = new FormData();
  for (const key of ["user_id", "client_id", "parent_id", "kind", "taken_at", "latitude", "longitude", "accuracy_m", "collection_id",
    "contact_id", "deposit_id"]) {
    if (file[key] !== null && file[key] !== undefined) body.set(key, file[key]);
  }
  body.set("file", file.blob, file.name);
  return read(await ask("/evidence", { method: "POST", body, headers: { "X-CSRFToken": csrf } }));
}

export async function signOut() {
  const body = new URLSearchParams({ csrf_token: csrf });
  await fetch("/sign-out", { method: "POST", body, credentials: "same-origin", redirect: "manual", keepalive: true,
    headers: { "X-CSRFToken": csrf } });
}
