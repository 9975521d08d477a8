// Keeps the app itself on the phone, so that it opens without a network. Borrowers' data never passes through here: what is not one of
// the app's own files goes to the network as if this were not there. VERSION and FILES are written above by the server.
/* global VERSION, FILES */
"use strict";
const NAME = `field-${VERSION}`;

self.addEventListener("install", (event) => event.waitUntil((async () => {
  const cache = await caches.open(NAME);
  await Promise.all(FILES.map(async (path) => {
    const answer = await fetch(path, { cache: "no-cache", credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error(path);  // the door, say, because nobody is signed in: keep what is there
    await cache.put(path, answer);
  }));
  await self.skipWaiting();
})()));

self.addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith("field-") && name !== NAME) await caches.delete(name);
  await self.clients.claim();
})()));

self.addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin || !FILES.includes(pathname)) return;
  event.respondWith(caches.open(NAME).then((cache) => cache.match(pathname)).then((kept) => kept || fetch(request)));
});
