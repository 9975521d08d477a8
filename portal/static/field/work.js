// The app's memory and the acts on it: who is here, the day's list, what waits; making entries, and sending them exactly once.
import * as server from "./server.js";
import * as store from "./store.js";
import { useCurrency } from "./money.js";
import { isoDay, say, useZone } from "./page.js";

// phase: "starting", "ready", "signed_out"; `others` counts what somebody else left waiting on this phone.
export const now = { phase: "starting", user: null, day: null, etag: null, entries: [], files: [], online: navigator.onLine,
  sending: false, others: 0, skew: 0 };
const listeners = new Set();
export const listen = (heard) => listeners.add(heard);
const tell = () => listeners.forEach((heard) => heard());
const BATCH = 20, A_DAY = 86400000;

export const isWaiting = (entry) => entry.state === "waiting" || entry.state === "refused";
const isLoose = (file) => !now.entries.some((entry) => entry.client_id === file.parent_id && isWaiting(entry));
export const looseFiles = () => now.files.filter(isLoose);  // their entry has arrived, they have not
export const waiting = () => now.entries.filter(isWaiting).length + looseFiles().length;

export const today = isoDay;

// --- starting

export async function start() {
  const kept = await store.readDay();
  if (kept) useZone(kept.day.zone);
  if (kept && kept.kept_on === today()) {
    take(kept);
    await recall();
    now.phase = "ready";
  } else {
    await store.wipeDay();  // none, or yesterday's list; borrowers' data stays on a phone for its day
  }
  if (now.phase === "starting") await recall();
  tell();
  await pass();
}

// A list still open after its day is over goes as well.
export async function expire() {
  if (now.phase !== "ready" || now.kept_on === today()) return;
  await store.wipeDay();
  Object.assign(now, { phase: "no_list", day: null, etag: null });
  tell();
}

function take(kept) {
  Object.assign(now, { user: kept.user, day: kept.day, etag: kept.etag, kept_on: kept.kept_on });
  useCurrency(kept.day.currency, kept.day.places);
  useZone(kept.day.zone);
}

async function recall() {
  const id = now.user?.id ?? null;
  [now.entries, now.files] = id === null ? [[], []] : await Promise.all([store.readEntries(id), store.readFiles(id)]);
  now.entries.sort((a, b) => a.place - b.place);
  now.others = await store.othersWaiting(id);
  store.noteUnsent(now.others + waiting());
}

export async function forget() {
  await store.wipeDay();
  Object.assign(now, { phase: "signed_out", user: null, day: null, etag: null });
  await recall();
  tell();
}

// --- making entries

export const newId = () => crypto.randomUUID();

// Ten letters and digits, fifty bits by chance, none of which looks like another.
export function newCheckCode() {
  const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  return [...crypto.getRandomValues(new Uint8Array(10))].map((byte) => letters[byte & 31]).join("");
}

export async function add(facts, photos, place) {
  const entry = { client_id: newId(), ...facts, user_id: now.user.id, made_at: new Date().toISOString(),
    place: 1 + (now.entries.at(-1)?.place ?? 0), state: "waiting", problems: [] };
  const files = photos.map((photo) => ({
    client_id: newId(), user_id: now.user.id, parent_id: entry.client_id, kind: photo.kind, name: photo.file.name || "photo.jpg",
    blob: photo.file, taken_at: photo.taken_at, latitude: place?.latitude, longitude: place?.longitude, accuracy_m: place?.accuracy_m,
    state: "waiting", problems: [],
  }));
  await store.keepEntry(entry, files);
  navigator.storage?.persist?.();
  await recall();
  tell();
  pass();
  return entry;
}

export async function change(entry, facts) {
  await store.keepEntry({ ...entry, ...facts, state: "waiting", problems: [] });
  await recall();
  tell();
  pass();
}

export async function throwAway(entry) {
  await store.dropEntry(entry.client_id, now.files.filter((file) => file.parent_id === entry.client_id));
  await recall();
  tell();
}

export async function throwFileAway(file) {
  await store.dropFile(file.client_id);
  await recall();
  tell();
}

// --- numbers from the agent's electronic book

export function nextReceiptNo() {
  const taken = new Set(now.entries.flatMap((entry) => [entry.receipt_no, ...(entry.old_receipt_nos || [])]));
  for (const range of now.day?.ranges || []) {
    const used = new Set(range.used);
    for (let number = range.next; number <= range.last; number += 1) {
      const text = range.prefix + String(number).padStart(range.width, "0");
      if (!used.has(number) && !taken.has(text)) return text;
    }
  }
  return "";
}

// --- sending

let running = null, again = false;

// One pass at a time; asked for during a pass, another follows.
// Whoever has signed out sends nothing more, also where the server has not heard of it yet.
export function pass() {
  if (localStorage.getItem("field-leaving")) return Promise.resolve();
  if (running) { again = true; return running; }
  running = (navigator.locks ? navigator.locks.request("field-sending", onePass) : onePass()).finally(() => {
    running = null;
    if (again) { again = false; pass(); }
  });
  return running;
}

async function onePass() {
  now.sending = true;
  tell();
  try {
    await greet();
    await sendEntries();
    await sendFiles();
    await refresh();
    now.online = true;
  } catch (error) {
    if (error instanceof server.SignedOut) await forget();
    else if (error instanceof server.Offline) now.online = false;
    else if (!(error instanceof server.No)) throw error;
  } finally {
    now.sending = false;
    if (now.phase === "starting") now.phase = "no_list";
    tell();
  }
}

// Somebody else than before: the list goes, the former one's entries stay theirs.
async function greet() {
  const hello = await server.hello();
  now.skew = new Date(hello.now) - Date.now();
  if (now.user?.id !== hello.user.id) {
    await store.wipeDay();
    Object.assign(now, { user: hello.user, day: null, etag: null });
    await recall();
  }
}

async function refresh() {
  const fresh = await server.day(now.etag);
  if (fresh) {
    useZone(fresh.day.zone);
    take({ user: now.user, kept_on: today(), ...fresh });
  }
  now.kept_on = today();  // the same list may still be right on a new day
  await store.keepDay({ user: now.user, kept_on: now.kept_on, day: now.day, etag: now.etag });
  now.phase = "ready";
}

async function sendEntries() {
  await recall();
  for (const old of now.entries.filter((entry) => entry.state === "stored" && Date.now() - new Date(entry.made_at) > A_DAY)) {
    await store.dropEntry(old.client_id);
  }
  const queue = now.entries.filter((entry) => entry.state === "waiting");
  for (let at = 0; at < queue.length; at += BATCH) await sendBatch(queue.slice(at, at + BATCH));
  if (queue.length) await recall();
}

// A batch the server stumbles over goes entry by entry, so that one bad one keeps no other waiting.
async function sendBatch(batch) {
  try {
    const results = new Map((await server.send(now.user.id, batch.map(asSent))).map((result) => [result.client_id, result]));
    for (const entry of batch) await settle(entry, results.get(entry.client_id));
  } catch (error) {
    if (!(error instanceof server.No || error instanceof server.Broken)) throw error;
    if (batch.length > 1) for (const entry of batch) await sendBatch([entry]);
  }
}

const LOCAL = ["user_id", "made_at", "place", "state", "problems", "old_receipt_nos", "said", "supports"];
const asSent = (entry) => Object.fromEntries(Object.entries(entry).filter(([key]) => !LOCAL.includes(key)));

// A receipt that had come in before by another way keeps the code it got then; the borrower is shown that one.
async function settle(entry, result) {
  if (!result) return;
  const state = { later: "waiting", refused: "refused" }[result.state] || "stored";
  if (result.state === "stored" && result.said.length) say(`Flagged: ${result.said[0]}`, "waiting");
  const check_code = result.check_code || entry.check_code;
  await store.keepEntry({ ...entry, state, problems: result.problems, said: result.said, supports: result.supports, check_code });
}

// A photo goes once what it shows has arrived.
async function sendFiles() {
  const stored = new Map(now.entries.filter((entry) => entry.state === "stored").map((entry) => [entry.client_id, entry.supports]));
  const loose = (file) => !now.entries.some((entry) => entry.client_id === file.parent_id);  // its entry is over a day old
  for (const file of now.files.filter((each) => each.state === "waiting" && (stored.has(each.parent_id) || loose(each)))) {
    try {
      const { state } = await server.sendFile({ ...file, ...stored.get(file.parent_id) });
      if (state !== "later") await store.dropFile(file.client_id);
    } catch (error) {
      if (!(error instanceof server.No)) throw error;
      await store.keepFile({ ...file, state: "refused", problems: error.problems });
    }
  }
  await recall();
}
