// What the phone keeps. Two databases, because they end differently: `field-day` holds borrowers' data, the day's list alone, and is
// dropped on sign-out, recall and disablement; `field-queue` holds what the agent did and the server has not got yet (a loan account's
// number and facts, never a name, a phone or an address), each entry under the user who made it.
export const DAY = "field-day";
const QUEUE = "field-queue";
const open = {};

const asked = (request) => new Promise((good, bad) => {
  request.onsuccess = () => good(request.result);
  request.onerror = () => bad(request.error);
});

function database(name) {
  if (!open[name]) {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      if (name === DAY) request.result.createObjectStore("day");
      else for (const store of ["entries", "files"]) {
        request.result.createObjectStore(store, { keyPath: "client_id" }).createIndex("user_id", "user_id");
      }
    };
    open[name] = asked(request).then((db) => {
      db.onversionchange = db.onclose = () => { db.close(); delete open[name]; };  // a page that signs out drops it under us
      return db;
    });
    open[name].catch(() => { delete open[name]; });
  }
  return open[name];
}

async function within(name, stores, mode, work) {
  const transaction = (await database(name)).transaction(stores, mode, mode === "readwrite" ? { durability: "strict" } : undefined);
  const done = new Promise((good, bad) => {
    transaction.oncomplete = good;
    transaction.onabort = transaction.onerror = () => bad(transaction.error);
  });
  const answer = await work(...stores.map((store) => transaction.objectStore(store)));
  await done;
  return answer;
}

// --- the day's list: { user, day, etag, kept_on }

export const readDay = () => within(DAY, ["day"], "readonly", (store) => asked(store.get("now")));
export const keepDay = (day) => within(DAY, ["day"], "readwrite", (store) => asked(store.put(day, "now")));

export async function wipeDay() {
  const db = await (open[DAY] || null);
  if (db) { db.close(); delete open[DAY]; }
  await asked(indexedDB.deleteDatabase(DAY));
}

// --- what waits to be sent

export const readEntries = (user) => within(QUEUE, ["entries"], "readonly", (store) => asked(store.index("user_id").getAll(user)));
export const readFiles = (user) => within(QUEUE, ["files"], "readonly", (store) => asked(store.index("user_id").getAll(user)));

// An entry and its photos are kept together or not at all.
export const keepEntry = (entry, files = []) => within(QUEUE, ["entries", "files"], "readwrite", (entries, blobs) => {
  for (const file of files) blobs.put(file);
  return asked(entries.put(entry));
});
export const keepFile = (file) => within(QUEUE, ["files"], "readwrite", (store) => asked(store.put(file)));
export const dropFile = (id) => within(QUEUE, ["files"], "readwrite", (store) => asked(store.delete(id)));
export const dropEntry = (id, files = []) => within(QUEUE, ["entries", "files"], "readwrite", (entries, blobs) => {
  for (const file of files) blobs.delete(file.client_id);
  return asked(entries.delete(id));
});

export async function othersWaiting(user) {
  const all = await within(QUEUE, ["entries"], "readonly", (store) => asked(store.getAll()));
  return all.filter((entry) => entry.user_id !== user && entry.state !== "stored").length;
}

// Tells the server's sign-out that entries wait here, so that it clears the day's list and leaves them (portal/web/auth.py).
export function noteUnsent(count) {
  document.cookie = `field_unsent=${count ? 1 : 0}; path=/; max-age=${count ? 31536000 : 0}; samesite=lax`;
}
