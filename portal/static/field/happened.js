// What happened: how, with whom, with what outcome; money taken or promised; a picture; where. One screen, saved on the phone first.
import { camera } from "./camera.js";
import { choice, field, h, icon, problems, say } from "./page.js";
import { likelyAmounts, rowOf, wordOf } from "./account.js";
import { parsed, plain, shown } from "./money.js";
import { here, locate } from "./place.js";
import { add, change, newCheckCode, newId, nextReceiptNo, now, today } from "./work.js";

const HOW = [["visit", "Visit"], ["call", "Call"], ["message", "Message"]];

const outcomesFor = (form) => now.day.outcomes.filter((each) => each.kinds.includes(form.kind) && each.persons.includes(form.person));
const asks = (form) => now.day.outcomes.find((each) => each.code === form.disposition)?.asks || "";

function fresh(no, preset) {
  const paid = preset === "paid" ? now.day.outcomes.find((each) => each.asks === "money") : null;
  return { no, kind: "visit", person: paid ? "borrower" : "", disposition: paid?.code ?? "", short: Boolean(paid), amount: "",
    mode: "cash", reference: "",
    receipt_no: nextReceiptNo() || now.day.paper_next || "", remarks: "", next_on: "", promises: [{ amount: "", due_on: "" }], photos: [] };
}

// An entry the server refused, back in the form.
function again(entry) {
  return { ...fresh(entry.loan_account_no, ""), entry, short: entry.kind === "collection", kind: entry.contact?.how ?? entry.how ?? "visit",
    person: entry.contact?.person ?? entry.person, disposition: entry.contact?.disposition ?? entry.disposition,
    amount: entry.amount_minor ? plain(entry.amount_minor) : "", mode: entry.mode ?? "cash", reference: entry.instrument_ref ?? "",
    receipt_no: entry.receipt_no ?? "", remarks: entry.remarks ?? "", next_on: entry.next_on ?? "",
    promises: entry.promises?.length ? entry.promises.map((each) => ({ amount: plain(each.amount_minor), due_on: each.due_on }))
      : [{ amount: "", due_on: "" }] };
}

// --- the parts of the form

function moneyPart(form, row) {
  const amount = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", class: "amount", value: form.amount,
    oninput: () => { form.amount = amount.value; form.redraw(); } });
  const offer = (each) => h("button", { type: "button", class: "chip",
    onclick: () => { amount.value = form.amount = each.text; form.redraw(); } }, each.words, h("b", null, shown(each.minor)));
  const reference = h("input", { type: "text", autocomplete: "off", autocapitalize: "characters", value: form.reference,
    oninput: () => { form.reference = reference.value; } });
  const referenced = field("Reference", reference, "UTR, RRN or cheque number");
  const pick = (mode) => { form.mode = mode; referenced.hidden = mode === "cash"; };
  const receipt = h("input", { type: "text", autocomplete: "off", autocapitalize: "characters", value: form.receipt_no,
    oninput: () => { form.receipt_no = receipt.value; } });
  const part = h("div", { class: "part" }, field("Amount", amount), h("div", { class: "offers" }, row ? likelyAmounts(row).map(offer)
    : null),
    choice("mode", "Paid by", now.day.modes, form.mode, pick, "three"), referenced,
    field("Receipt number", receipt, nextReceiptNo() ? "The next of your electronic book" : "From your receipt book"));
  pick(form.mode);
  return part;
}

function promisePart(form) {
  const rows = h("div");
  const show = () => rows.replaceChildren(...form.promises.map((each, at) => {
    const amount = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", value: each.amount,
      oninput: () => { each.amount = amount.value; } });
    const due = h("input", { type: "date", min: today(), value: each.due_on, onchange: () => { each.due_on = due.value; } });
    return h("div", { class: "pair" }, field(at ? `Amount ${at + 1}` : "Promised amount", amount), field(at ? `By ${at + 1}` : "By", due));
  }));
  show();
  return h("div", { class: "part" }, rows, h("button", { type: "button", class: "plain",
    onclick: () => { if (form.promises.length < 12) form.promises.push({ amount: "", due_on: "" }); show(); } }, icon("plus"),
    "Another instalment"));
}

function placePart() {
  const words = h("p", { class: "where", "aria-live": "polite" }, "Finding the place…");
  const tell = (place) => { words.textContent = place ? `Place kept, good to ${place.accuracy_m} m`
    : "No place: the phone does not tell. You can save without it."; };
  if (here()) tell(here());
  locate().then(tell);
  return words;
}

function details(form, row) {
  const remarks = h("textarea", { rows: 2, maxlength: 500, value: form.remarks, oninput: () => { form.remarks = remarks.value; } });
  const next = h("input", { type: "date", min: today(), value: form.next_on, onchange: () => { form.next_on = next.value; } });
  const what = asks(form);
  const day = field("Come back on", next), more = h("details", { open: Boolean(form.remarks || form.next_on) },
    h("summary", null, what === "" ? "Remarks, next visit" : "Remarks"), field("Remarks", remarks), what === "" ? day : null);
  return [what === "money" ? moneyPart(form, row) : what === "promise" ? promisePart(form) : what === "day" ? day : null,
    form.entry ? null : camera(form.photos, what === "money" ? [["receipt", "Receipt"], ["premises", "Premises"]]
      : [["premises", "Premises"], ["letter", "Letter"]]),
    placePart(), more];
}

function questions(form, redraw) {
  if (form.short) {
    return h("p", { class: "short" }, `${wordOf(HOW, form.kind)}, ${wordOf(now.day.persons, form.person).toLowerCase()}. `,
      h("button", { type: "button", class: "plain", onclick: () => { form.short = false; redraw(); } }, "Change"));
  }
  const outcomes = form.person ? outcomesFor(form) : [];
  if (!outcomes.some((each) => each.code === form.disposition)) form.disposition = "";
  return [choice("kind", "How", HOW, form.kind, (kind) => { form.kind = kind; redraw("kind"); }, "three"),
    choice("person", "With whom", now.day.persons, form.person, (person) => { form.person = person; redraw("person"); }, "three"),
    outcomes.length ? choice("outcome", "What happened", outcomes.map(({ code, word }) => [code, word]), form.disposition,
      (code) => { form.disposition = code; redraw("outcome"); }, "two") : null];
}

// --- checking and saving

function faults(form) {
  const found = [], no = (message, cure = "") => found.push({ message, cure });
  if (!form.person) no("Say with whom.");
  if (!form.disposition) no("Say what happened.");
  if (asks(form) === "money") {
    if (parsed(form.amount) === null) no("Enter the amount, like 4200 or 4200.50.");
    if (!form.receipt_no.trim()) no("Enter the receipt number.", "Take the next one of your book.");
    if (form.mode !== "cash" && !form.reference.trim()) no("Enter the reference.", "It is on the borrower's message or on the cheque.");
    const limit = now.day.cash_limit_minor;
    if (form.mode === "cash" && limit && parsed(form.amount) >= limit) no(`Cash of ${shown(limit)} or more in a day may not be taken.`,
      "Ask the borrower to pay it into the bank.");
  }
  if (asks(form) === "day" && !(form.next_on >= today())) no("Enter the day to come back to it.");
  if (asks(form) === "promise" && form.promises.some((each) => parsed(each.amount) === null
    || !(each.due_on >= today()))) no("Enter every promised amount and its day, today or later.");
  return found;
}

// The short way to money taken asks no outcome: what was paid against what is overdue says it.
function outcomeOf(form) {
  const row = rowOf(form.no), known = (code) => now.day.outcomes.some((each) => each.code === code && each.asks === "money");
  if (!form.short || form.entry || !row || !known("PAID") || !known("PART_PAID")) return form.disposition;
  return parsed(form.amount) >= row.overdue ? "PAID" : "PART_PAID";
}

function asEntry(form, place) {
  const what = asks(form), at = form.entry?.at ?? new Date().toISOString();
  const where = form.entry ? {} : { latitude: place?.latitude ?? null, longitude: place?.longitude ?? null,
    accuracy_m: place?.accuracy_m ?? null };
  const spoken = { person: form.person, disposition: outcomeOf(form) };
  const common = { loan_account_no: form.no, at, remarks: form.remarks.trim() || null, ...where };
  if (what === "money") {
    return { ...common, kind: "collection", receipt_no: form.receipt_no.trim(), amount_minor: parsed(form.amount), mode: form.mode,
      instrument_ref: form.mode === "cash" ? null : form.reference.trim(), check_code: form.entry?.check_code ?? newCheckCode(),
      contact: { ...spoken, how: form.kind, client_id: form.entry?.contact?.client_id ?? newId() } };
  }
  const promises = what === "promise" ? form.promises.map((each) => ({ amount_minor: parsed(each.amount), due_on: each.due_on })) : [];
  return { ...common, ...spoken, kind: "contact", how: form.kind, next_on: form.next_on || null, promises };
}

// A refused receipt number stays to be seen: the borrower may hold it.
function withOldNumbers(form, facts) {
  const before = form.entry.receipt_no;
  const old = form.entry.old_receipt_nos || [];
  return before && before !== facts.receipt_no ? { ...facts, old_receipt_nos: [...old, before] } : facts;
}

async function save(form) {
  const place = here(), facts = asEntry(form, place);
  const entry = form.entry ? { ...form.entry, ...facts } : await add(facts, form.photos, place);
  if (form.entry) await change(form.entry, withOldNumbers(form, facts));
  if (facts.kind !== "collection") say("Saved on this phone.", "good");
  location.hash = facts.kind === "collection" ? `#/receipt/${entry.client_id}` : "#/";
}

export function happened(no, preset) {
  const old = preset ? now.entries.find((entry) => entry.client_id === preset) : null;
  const form = old ? again(old) : fresh(no, preset), row = rowOf(form.no), back = old ? "#/waiting" : `#/account/${encodeURIComponent(no)}`;
  if (!row && !old) return { title: "Gone", back: "#/", content: [h("p", { class: "empty" },
    "This account is not on your list any more.")] };
  const asked = h("div"), told = h("div"), wrong = h("div"), button = h("button",
    { type: "submit", form: "happened", class: "button primary" });
  form.redraw = () => { const minor = parsed(form.amount); button.replaceChildren(icon("done"), asks(form) === "money" && minor
    ? `Save ${shown(minor)}` : "Save"); };
  const redraw = (from) => {
    asked.replaceChildren(...[questions(form, redraw)].flat().filter(Boolean));
    told.replaceChildren(...(form.disposition ? details(form, row) : []).filter(Boolean));
    form.redraw();
    if (from) asked.querySelector(`[name=${from}]:checked`)?.focus();
    if (from === "outcome") told.scrollIntoView({ block: "nearest" });
  };
  redraw();
  const sheet = h("form", { id: "happened", novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    const found = faults(form);
    wrong.replaceChildren(...[problems(found)].filter(Boolean));
    if (found.length) { wrong.scrollIntoView({ block: "center" }); return; }
    button.disabled = true;
    await save(form).catch(() => { button.disabled = false; say("This phone could not keep it: its storage is full or closed.",
      "blocked"); });
  } }, asked, told, wrong);
  return { title: row?.name || form.no, back, bare: true, content: [sheet], acts: [button] };
}
