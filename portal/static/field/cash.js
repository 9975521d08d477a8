// Cash in hand, and the slip with which it was paid in.
import { camera } from "./camera.js";
import { dayWords, field, h, icon, problems, say } from "./page.js";
import { shown } from "./money.js";
import { here } from "./place.js";
import { add, now, today } from "./work.js";

// What the server knows of, and what is on this phone alone; less what a slip of this phone says was paid in.
export function cashInHand() {
  const slips = now.entries.filter((entry) => entry.kind === "deposit" && entry.state !== "refused").flatMap((entry) => entry.items);
  const paidIn = (key, value) => slips.some((item) => item[key] === value);
  const known = now.day.cash.filter((row) => !paidIn("id", row.id) && !paidIn("client_id", row.client_id ?? "-"));
  const mine = now.entries.filter((entry) => entry.kind === "collection" && entry.mode === "cash" && entry.state !== "refused"
    && !now.day.cash.some((row) => row.client_id === entry.client_id || row.receipt_no === entry.receipt_no)
      && !paidIn("client_id", entry.client_id));
  return [...known.map((row) => ({ item: row.client_id ? { id: row.id, client_id: row.client_id } : { id: row.id },
    receipt_no: row.receipt_no, minor: row.amount_minor, on: row.on })),
    ...mine.map((entry) => ({ item: { client_id: entry.client_id }, receipt_no: entry.receipt_no, minor: entry.amount_minor,
      on: entry.at }))];
}

const sum = (rows) => rows.reduce((total, row) => total + row.minor, 0);

function faults(slip, rows) {
  const found = [];
  if (!rows.length) found.push({ message: "Tick the receipts whose cash was paid in." });
  if (!slip.no.trim()) found.push({ message: "Enter the number of the slip." });
  if (!slip.on || slip.on > today()) found.push({ message: "Enter the day it was paid in; not one to come." });
  return found;
}

export function cash() {
  const rows = cashInHand(), limit = now.day.cash_in_hand_limit_minor, ticked = new Set(rows);
  const title = "Cash in hand";
  const head = h("p", { class: "big-figure" }, h("b", null, shown(sum(rows))),
    h("span", null, limit ? `of at most ${shown(limit)}` : `in ${rows.length} receipts`));
  if (!rows.length) return { title, content: [head, h("p", { class: "empty" }, "No cash to pay in.")] };
  const slip = { no: "", on: today(), photos: [] }, wrong = h("div"), button = h("button",
    { type: "submit", form: "slip", class: "button primary" });
  const chosen = () => rows.filter((row) => ticked.has(row));
  const total = () => button.replaceChildren(icon("done"), `Save a slip of ${shown(sum(chosen()))}`);
  const number = h("input", { type: "text", autocomplete: "off", autocapitalize: "characters",
    oninput: () => { slip.no = number.value; } });
  const on = h("input", { type: "date", max: today(), value: slip.on, onchange: () => { slip.on = on.value; } });
  const tick = (row) => {
    const box = h("input",
      { type: "checkbox", checked: true, onchange: () => { if (box.checked) ticked.add(row); else ticked.delete(row); total(); } });
    return h("label", { class: "tick" }, box, h("span", null, row.receipt_no, h("small", null, dayWords(row.on))),
      h("b", null, shown(row.minor)));
  };
  total();
  const sheet = h("form", { id: "slip", novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    const found = faults(slip, chosen());
    wrong.replaceChildren(...[problems(found)].filter(Boolean));
    if (found.length) { wrong.scrollIntoView({ block: "center" }); return; }
    await add({ kind: "deposit", at: new Date().toISOString(), slip_no: slip.no.trim(), deposited_on: slip.on, amount_minor: sum(chosen()),
      items: chosen().map((row) => row.item) }, slip.photos, here());
    say("Slip kept on this phone.", "good");
    location.hash = "#/waiting";
  } }, h("fieldset", { class: "ticks" }, h("legend", null, "Paid in with this slip"), rows.map(tick)), field("Slip number", number),
    field("Paid in on", on), camera(slip.photos, [["deposit_slip", "Slip"]]), wrong);
  return { title, content: [head, sheet], acts: [button] };
}
