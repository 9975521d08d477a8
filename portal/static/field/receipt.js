// The receipt: shown to the borrower on the phone, sent as text, checked by anyone at the public page. It carries no name.
import { qr } from "./qr.js";
import { clockTime, dayWords, h, icon, say } from "./page.js";
import { inWords, shown } from "./money.js";
import { rowOf, wordOf } from "./account.js";
import { now } from "./work.js";

const spaced = (code) => `${code.slice(0, 5)}-${code.slice(5)}`;
export const checkAddress = (code) => `${location.origin}/check/${code}`;

export function receiptText(entry) {
  return `Received ${shown(entry.amount_minor)} on ${dayWords(entry.at)} for loan ending ${entry.loan_account_no.slice(-4)}, by ${wordOf(now.day.modes, entry.mode)}. `
    + `Receipt ${entry.receipt_no}, ${now.day.agency.name} for ${now.day.bank}. Check it: ${checkAddress(entry.check_code)}`;
}

function state(entry) {
  if (entry.state === "stored") return h("p", { class: "notice good" }, icon("done"),
    h("span", null, "Sent. The bank can see this receipt."));
  if (entry.state === "refused") return h("a", { class: "notice blocked", href: "#/waiting" }, icon("warn"),
    h("span", null, "Not accepted. See why, and what to do."));
  return h("p", { class: "notice waiting" }, icon("wait"), h("span", null,
    "Kept on this phone; it is sent when there is a network. The code answers from then on."));
}

export function receipt(id) {
  const entry = now.entries.find((each) => each.client_id === id);
  if (!entry) return { title: "Receipt", back: "#/", content: [h("p", { class: "empty" }, "This receipt is not on this phone any more.")] };
  const mobile = rowOf(entry.loan_account_no)?.mobile, text = receiptText(entry);
  const share = h("button", { type: "button", class: "button", onclick: () => navigator.share({ text }).catch(() => say("Not shared.")) },
    icon("share"), "Share");
  const paper = h("article", { class: "paper", "aria-label": "Receipt" },
    h("header", null, h("b", null, now.day.bank), h("span", null, `received by ${now.day.agency.name}`)),
    h("p", { class: "paid" }, shown(entry.amount_minor)), h("p", { class: "in-words" }, `${inWords(entry.amount_minor)} only`),
    h("dl", { class: "facts" }, [["Receipt", entry.receipt_no], ["Date", `${dayWords(entry.at)}, ${clockTime(entry.at)}`],
      ["Loan", `ending ${entry.loan_account_no.slice(-4)}`],
      ["Paid by", wordOf(now.day.modes, entry.mode)], ["Reference", entry.instrument_ref], ["Agent", now.day.agent?.name || now.user.name]]
      .filter(([, value]) => value).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
    (entry.old_receipt_nos || []).map((old) => h("p", { class: "replaces" }, `Replaces receipt ${old}.`)),
    h("footer", null, qr(checkAddress(entry.check_code)), h("div", null, h("small", null, "Check this receipt at"),
      h("span", null, `${location.host}/check`), h("b", { class: "code" }, spaced(entry.check_code)))));
  return { title: "Receipt", back: "#/", content: [state(entry), paper], acts: [
    navigator.share ? share : null,
    h("a", { class: "button", href: `sms:${mobile || ""}?body=${encodeURIComponent(text)}` }, icon("share"), "Send by SMS"),
    h("a", { class: "button primary", href: "#/" }, icon("done"), "Done")].filter(Boolean) };
}
