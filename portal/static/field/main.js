// The app: which screen the address names, what the frame around it says, and when to try sending.
import { account } from "./account.js";
import { cash, cashInHand } from "./cash.js";
import { happened } from "./happened.js";
import { list } from "./list.js";
import { h, icon } from "./page.js";
import { receipt } from "./receipt.js";
import { waitingPage } from "./waiting.js";
import { expire, listen, now, pass, start, waiting } from "./work.js";
import { finishLeaving, you } from "./you.js";

const spot = (id) => document.getElementById(id);
const EVERY = 45000;
let shownAt = null;

function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (name === "account" && rest[1] === "happened") return () => happened(rest[0], rest[2] || "");
  const screens = { "": list, account: () => account(rest[0]), receipt: () => receipt(rest[0]), waiting: waitingPage, cash, you };
  return screens[name] || list;
}

function door() {
  const words = { starting: "Getting today's list…", no_list: "There is no list on this phone yet, and no network to get it.",
    signed_out: "Nobody is signed in here. Borrowers' data is off this phone." }[now.phase];
  return { title: "In the field", content: [h("p", { class: "empty" }, words), now.others
    ? h("p", { class: "notice waiting" }, icon("wait"), h("span", null,
    `${now.others} not sent yet. Sign in as the one who made them and they go.`)) : null],
    acts: now.phase === "signed_out" ? [h("a", { class: "button primary", href: "/sign-in?next=/agency/field" }, "Sign in")]
      : now.phase === "no_list" ? [h("button", { type: "button", class: "button primary", onclick: () => pass() }, "Try again")] : [] };
}

// A form being filled in is left alone when news comes in; the frame around it is not.
function draw(news = false) {
  const typing = news && shownAt === location.hash && spot("screen").querySelector("form");
  frame();
  if (typing) return;
  const screen = now.phase === "ready" ? route()() : door();
  spot("title").textContent = screen.title;
  document.title = `${screen.title} · In the field`;
  spot("back").hidden = !screen.back;
  if (screen.back) spot("back").setAttribute("href", screen.back);
  spot("screen").replaceChildren(...screen.content.flat(Infinity).filter(Boolean));
  spot("acts").replaceChildren(...(screen.acts || []));
  spot("acts").hidden = !screen.acts?.length;
  document.body.classList.toggle("bare", Boolean(screen.bare));  // a form has the screen to itself
  if (shownAt !== location.hash) { scrollTo(0, 0); if (shownAt !== null) spot("title").focus({ preventScroll: true }); }
  shownAt = location.hash;
}

function frame() {
  const left = waiting(), refused = now.entries.filter((entry) => entry.state === "refused").length;
  const net = spot("net");
  net.textContent = now.sending ? "Sending…" : !now.online ? `No network${left ? `, ${left} waiting` : ""}` : refused
    ? `${refused} not accepted` : left ? `${left} waiting` : "";
  net.hidden = !net.textContent;
  net.className = `net ${!now.online || left ? "waiting" : ""} ${refused ? "blocked" : ""}`;
  spot("dock").hidden = now.phase !== "ready";
  const here = location.hash.replace(/^#\/?/, "").split("/")[0];
  for (const link of spot("dock").children) {
    const name = link.getAttribute("href").slice(2);
    if (name === here) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  spot("count").textContent = left || "";
  spot("cash-count").textContent = now.phase === "ready" ? cashInHand().length || "" : "";
}

function dock() {
  const link = (name, shape, words, badge) => h("a", { href: `#/${name}` }, icon(shape), h("span", null, words), badge
    ? h("b", { id: badge, class: "badge" }) : null);
  spot("dock").replaceChildren(link("", "list", "Today"), link("waiting", "wait", "Waiting", "count"),
    link("cash", "cash", "Cash", "cash-count"), link("you", "you", "You"));
}

// Light or dark as it was picked on the other pages (portal.js); else as the phone has it.
function dress() {
  const picked = /(?:^|; )theme=(light|dark)/.exec(document.cookie);
  if (picked) document.documentElement.dataset.theme = picked[1];
}

async function begin() {
  dress();
  dock();
  spot("back").append(icon("back"));
  listen(() => draw(true));
  addEventListener("hashchange", () => draw());
  addEventListener("online", () => pass());
  addEventListener("offline", () => { now.online = false; draw(true); });
  document.addEventListener("visibilitychange", async () => { await expire(); if (!document.hidden) pass(); });
  setInterval(async () => { await expire(); if (!document.hidden && now.phase !== "signed_out") pass(); }, EVERY);
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/agency/field/worker.js", { scope: "/agency/field" }).catch(() => {});
  draw();
  if (!await finishLeaving()) await start();
}

begin();
