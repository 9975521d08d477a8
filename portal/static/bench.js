// The bench by keyboard and without reloading. The page works without it: every act is a plain form, every item a plain link.
"use strict";
(() => {
  const bench = document.querySelector("[data-bench]");
  if (!bench) return;
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const pane = find("[data-bench-item]"), toast = find("[data-bench-toast]"), status = find("[data-bench-status]"), help = find("[data-bench-help]");
  const done = find("[data-bench-done]");
  const mayDecide = bench.dataset.may === "yes";
  const rows = () => all("[data-row]", bench).filter((row) => !row.closest("li").hidden);
  const here = () => find('[data-row][aria-current="true"]', bench);
  const ready = new Map(); // fragments fetched ahead: key → promise of text
  const undos = []; // what can be taken back here, the latest last
  let busy = false, asked = 0;

  // ---- saying things
  const say = (words, tone = "good") => {
    status.textContent = words;
    toast.textContent = words;
    toast.className = `bench-toast tone-${tone}`;
    toast.hidden = false;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => { toast.hidden = true; }, 6000);
  };
  const money = (minor, currency) => {
    const places = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
    const digits = String(minor).padStart(places + 1, "0");
    const whole = BigInt(digits.slice(0, digits.length - places) || "0"), part = places ? digits.slice(-places) : "";
    const locale = currency === "INR" ? "en-IN" : "en";
    const symbol = currency === "INR" ? "₹" : `${currency} `;
    return `${symbol}${whole.toLocaleString(locale)}${part ? `.${part}` : ""}`;
  };
  // The running total moves with what leaves or comes back; the server's own count replaces it with the next page.
  const count = (items, minor, currency) => all(`[data-left="${currency}"]`).forEach((left) => {
    left.dataset.items = Math.max(Number(left.dataset.items) + items, 0);
    const total = BigInt(left.dataset.minor) + BigInt(minor);
    left.dataset.minor = String(total < 0n ? 0n : total);
    find("[data-left-minor]", left).textContent = money(left.dataset.minor, currency);
    find("[data-left-items]", left).textContent = Number(left.dataset.items).toLocaleString("en-IN");
  });
  const note = (row, words) => { find("[data-said]", row).textContent = words; row.closest("li").classList.toggle("is-stale", Boolean(words)); };

  // ---- moving
  const address = (key) => {
    const url = new URL(bench.dataset.url, location.origin);
    url.searchParams.set("at", key);
    return url;
  };
  const fetched = (key) => {
    if (!ready.has(key)) {
      const url = address(key);
      url.searchParams.set("part", "item");
      const answer = fetch(url, { credentials: "same-origin" }).then((got) => {
        if (!got.ok || got.redirected) throw new Error(String(got.status));
        return got.text();
      });
      answer.catch(() => ready.delete(key));
      ready.set(key, answer);
      answer.at = Date.now();
    }
    return ready.get(key);
  };
  const ahead = (row) => {
    const list = rows(), next = list[list.indexOf(row) + 1];
    if (next) fetched(next.dataset.row).catch(() => {});
  };
  const show = (html) => {
    const inside = pane.contains(document.activeElement);
    pane.innerHTML = html;
    chosen = 0;
    mark();
    const row = here(), item = find("[data-item]", pane);
    if (row && item && "closed" in item.dataset && item.dataset.item === row.dataset.row) note(row, item.dataset.says);
    if (inside) (here() || pane).focus({ preventScroll: true }); // what had the focus is gone
  };
  const choose = async (row, { focus = true } = {}) => {
    if (!row) return;
    const mine = ++asked;
    here()?.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    if (focus) row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    try {
      const answer = fetched(row.dataset.row), html = await answer;
      if (mine !== asked) return;
      show(html);
      ready.delete(row.dataset.row);
      history.replaceState(null, "", address(row.dataset.row));
      ahead(row);
      if (Date.now() - answer.at > 5000) recheck(); // fetched ahead a while ago: shown at once, and looked at again
    } catch { location.assign(row.href); }
  };
  const move = (by) => {
    const list = rows(), at = list.indexOf(here());
    const next = list[Math.max(0, Math.min(at + by, list.length - 1))];
    if (by > 0 && at === list.length - 1) { more(true); return; }
    choose(next);
  };
  const more = async (go = false) => {
    const link = find("[data-bench-more]", bench);
    if (!link || link.dataset.sending) return;
    link.dataset.sending = "yes";
    try {
      const answer = await fetch(link.href, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = find("[data-rows]", page), list = find("[data-rows]", bench);
      const groups = all("[data-group]", list), last = groups[groups.length - 1]?.dataset.group;
      const at = here();
      all("[aria-current]", fresh).forEach((row) => row.removeAttribute("aria-current"));
      const first = find("[data-group]", fresh);
      if (first && first.dataset.group === last) first.remove();
      list.append(...fresh.children);
      const again = find("[data-bench-more]", page);
      if (again) link.replaceWith(again); else link.remove();
      if (go) { const grown = rows(); choose(grown[grown.indexOf(at) + 1]); }
    } catch { location.assign(link.href); }
  };

  // Somebody else may have decided on what is shown: it is looked at again while the page is, and never under somebody's hands.
  const recheck = async () => {
    const row = here(), item = find("[data-item]", pane), mine = asked;
    if (!row || !item || busy || document.hidden || item.dataset.item !== row.dataset.row || find("details[open] form", pane)) return;
    if (find("[data-bench-look] input[type=search]", pane)?.value) return;
    ready.delete(row.dataset.row);
    try {
      const answer = fetched(row.dataset.row), html = await answer;
      ready.delete(row.dataset.row);
      const fresh = find("[data-item]", new DOMParser().parseFromString(html, "text/html"));
      if (mine !== asked || busy || !fresh || find("details[open] form", pane)) return;
      if (fresh.dataset.state === item.dataset.state && fresh.dataset.says === item.dataset.says) return;
      if (fresh.dataset.state === item.dataset.state && "closed" in item.dataset) return; // only the minutes went on
      show(html);
      say(fresh.dataset.says || "What is open here has changed meanwhile.", "waiting");
    } catch { /* asked again in a while */ }
  };
  setInterval(recheck, 20000);
  document.addEventListener("visibilitychange", recheck);

  const lookFor = async (form) => {
    const url = new URL(form.action);
    url.search = new URLSearchParams(new FormData(form)).toString();
    url.searchParams.set("part", "item");
    try {
      const got = await fetch(url, { credentials: "same-origin" });
      if (!got.ok || got.redirected) throw new Error(String(got.status));
      show(await got.text());
      find("[data-bench-look] input[type=search]", pane)?.focus();
      say(`${cands().length} candidates.`, "accent");
    } catch { form.submit(); }
  };

  // ---- one of the candidates
  let chosen = 0;
  const cands = () => all("[data-cand]", pane);
  const mark = () => {
    const list = cands();
    if (!chosen && list.length && !find("[data-bench-confirm]", pane)) chosen = 1; // nothing else to link: the likeliest
    list.forEach((each) => each.classList.toggle("is-picked", Number(each.dataset.cand) === chosen));
  };
  const drop = () => { chosen = 0; mark(); };
  const pick = (number) => {
    const cand = find(`[data-cand="${number}"]`, pane);
    if (!cand) return;
    if (chosen === number && find("[data-bench-confirm]", pane)) { drop(); say("None is chosen; Enter links what is suggested.", "accent"); return; }
    chosen = number;
    mark();
    cand.scrollIntoView({ block: "nearest" });
    const then = !mayDecide || !find("form", cand) ? "" : "clear" in cand.dataset ? " Enter links it." : " Enter asks you why, then links it.";
    say(`${number}: ${find("b", cand).textContent} is chosen.${then}`, "accent");
  };
  const openForm = (details, field) => {
    if (!details) return;
    details.open = true;
    const input = find(`input[name=${field}]`, details);
    input.focus();
    input.select();
  };
  const link = () => {
    const cand = chosen && find(`[data-cand="${chosen}"]`, pane), form = find("[data-bench-confirm]", pane);
    if (cand) {
      const own = find("form", cand);
      if (!own) return;
      // What shares nothing but an amount asks for a reason of one's own.
      if ("clear" in cand.dataset) own.requestSubmit(); else openForm(find("details", cand), "reason");
    } else if (form) form.requestSubmit();
  };
  const reject = () => {
    const form = find("[data-bench-reject]", pane);
    if (form) form.requestSubmit(); else say("Nothing is suggested here that could be refused.", "accent");
  };
  const writeOff = () => {
    const details = find("[data-bench-write-off]", pane);
    if (details) openForm(details, "reason"); else say("Nothing to write off: that is for what is left once money is linked.", "accent");
  };
  const split = () => {
    const cand = chosen && find(`[data-cand="${chosen}"]`, pane);
    openForm(cand ? find("details", cand) : find("[data-bench-split]", pane), "amount");
  };

  // ---- acting: nothing leaves the list before the server has said so
  const send = async (form, data) => {
    if (busy) return;
    busy = true;
    const row = here(), item = find("[data-item]", pane);
    row?.closest("li").classList.add("is-sending");
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { "X-Bench": "1" }, credentials: "same-origin" });
      const said = await answer.json();
      ready.clear();
      if (!said.ok) return refused(row, said);
      const keys = [...said.gone, ...said.waits, ...(said.stays ? [said.stays.was] : [])];
      const rowsOf = rows().filter((each) => keys.includes(each.dataset.row));
      if (said.undo) undos.push({ url: said.undo, once: said.once, also: said.also, csrf: data.get("csrf_token"), rows: rowsOf });
      say(said.undo ? `${said.says} u takes it back.` : said.says);
      if (said.stays) { busy = false; stay(said.stays, row); } else leave(said, row, item);
    } catch { form.submit(); } finally {
      busy = false;
      row?.closest("li").classList.remove("is-sending");
    }
  };
  const refused = (row, said) => {
    say(said.says, "waiting");
    if (said.item) show(said.item);
    if (row && !said.open) note(row, said.says);
  };
  const worth = (row, minor) => {
    row.dataset.minor = String(minor);
    find(".money", row).textContent = money(minor, row.dataset.currency);
  };
  // A part of it is done: what is left of it is decided next, where it stands.
  const stay = (stands, row) => {
    if (!row) { location.assign(address(stands.key)); return; }
    count(0, stands.amount_minor - Number(row.dataset.minor), row.dataset.currency);
    worth(row, stands.amount_minor);
    choose(row);
  };
  const leave = (said, row, item) => {
    const keys = [...said.gone, ...said.waits], stays = (each) => !keys.includes(each.dataset.row);
    const list = rows(), at = list.indexOf(row);
    const next = list.slice(at + 1).find(stays) || list.slice(0, at).reverse().find(stays);
    const going = list.filter((each) => said.gone.includes(each.dataset.row));
    going.forEach((each) => { each.closest("li").hidden = true; count(-1, -Number(each.dataset.minor), each.dataset.currency); });
    list.filter((each) => said.waits.includes(each.dataset.row)).forEach((each) => note(each, "Waits for a second person"));
    if (!going.length && item && said.gone.includes(item.dataset.item)) count(-1, -Number(item.dataset.minor), item.dataset.currency);
    if (next) choose(next);
    else if (find("[data-bench-more]", bench)) location.reload();
    else if (said.waits.length && row) choose(row);
    else { pane.replaceChildren(done.content.cloneNode(true)); pane.focus(); }
  };
  // What is to be decided again stands where it stood: a suggestion as itself, a link taken apart as the receipt or credit that is open.
  const back = (row, again) => {
    const li = row.closest("li"), wasGone = li.hidden;
    li.hidden = false;
    if (!again) { note(row, "Taken back"); return; }
    const counts = again.key.split("-")[0] === row.dataset.row.split("-")[0];
    if (counts) count(wasGone ? 1 : 0, again.amount_minor - (wasGone ? 0 : Number(row.dataset.minor)), row.dataset.currency);
    worth(row, again.amount_minor);
    row.dataset.row = again.key;
    row.href = address(again.key);
    note(row, counts ? "" : "Taken back: decide anew");
  };
  const takeBack = async () => {
    const standing = find("[data-bench-undo]");
    if (!undos.length && standing) { standing.requestSubmit(); return; }
    if (!undos.length) { say("There is nothing to take back.", "accent"); return; }
    if (busy) return;
    busy = true;
    const undo = undos[undos.length - 1], data = new FormData();
    data.set("csrf_token", undo.csrf); data.set("once", undo.once); data.set("also", undo.also || ""); data.set("at", "");
    data.set("was", undo.rows.map((row) => row.dataset.row).join(","));
    try {
      const answer = await fetch(undo.url, { method: "POST", body: data, headers: { "X-Bench": "1" }, credentials: "same-origin" });
      const said = await answer.json();
      undos.pop();
      const again = new Map((said.again || []).map((each) => [each.was, each]));
      if (said.ok) undo.rows.forEach((row) => back(row, again.get(row.dataset.row)));
      const first = undo.rows[0];
      say(said.says, said.ok ? "good" : "waiting");
      if (said.ok && first) { ready.clear(); busy = false; choose(first); }
    } catch { say("The connection broke; nothing was taken back. Press u again.", "waiting"); } finally { busy = false; }
  };
  pane.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (event.target.method === "get") { lookFor(event.target); return; }
    send(event.target, new FormData(event.target, event.submitter));
  });
  bench.addEventListener("click", (event) => {
    const row = event.target.closest("[data-row]"), next = event.target.closest("[data-bench-more]");
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (row) { event.preventDefault(); choose(row); if (matchMedia("(max-width: 719px)").matches) pane.scrollIntoView(); }
    if (next) { event.preventDefault(); more(); }
  });

  // ---- keys
  const remembered = () => { try { return localStorage.getItem("bench-keys") !== "off"; } catch { return true; } };
  const toggle = find("[data-bench-keys]");
  let keys = remembered();
  const tell = () => { if (toggle) { toggle.setAttribute("aria-pressed", String(keys)); toggle.textContent = `Single keys are ${keys ? "on" : "off"}`; } };
  toggle?.addEventListener("click", () => { keys = !keys; try { localStorage.setItem("bench-keys", keys ? "on" : "off"); } catch { /* for this page alone */ } tell(); });
  tell();
  const acts = { Enter: link, x: () => reject(), s: split, w: () => writeOff(), u: takeBack };
  const moves = { j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1), "?": () => { if (help.open) help.close(); else help.showModal(); } };
  find("[data-bench-keys-open]")?.addEventListener("click", moves["?"]);
  help.addEventListener("close", () => { (here() || pane).focus({ preventScroll: true }); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input, textarea, select");
    if (help.open && event.key !== "?") return;
    if (event.key === "Escape" && typing && (pane.contains(typing) || "benchSearch" in typing.dataset)) {
      if (pane.contains(typing)) typing.closest("details")?.removeAttribute("open");
      here()?.focus();
      return;
    }
    if (event.key === "Escape" && chosen) { drop(); return; }
    if (typing || !keys) return;
    if (event.key === "/") { const box = find("[data-bench-search]"); event.preventDefault(); event.stopImmediatePropagation(); box.focus(); box.select(); return; }
    const onRow = event.target.closest("[data-row]") || event.target === document.body || event.target === pane;
    if (["Enter", "ArrowDown", "ArrowUp"].includes(event.key) && !onRow) return;
    let act = moves[event.key] || (mayDecide ? acts[event.key] : null);
    if (/^[1-9]$/.test(event.key)) act = () => pick(Number(event.key));
    if (!act) return;
    event.preventDefault();
    if (!event.repeat || moves[event.key]) act();
  }, true);

  mark();
  const start = here();
  if (start) { if (!location.hash) start.focus({ preventScroll: true }); ahead(start); }
})();
