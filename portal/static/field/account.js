// One account: who, where, what is owed, and what to mind before knocking.
import { clockTime, dayWords, h, icon } from "./page.js";
import { plain, shown } from "./money.js";
import { isPromised, isVisited } from "./list.js";
import { now } from "./work.js";

export const rowOf = (no) => now.day.accounts.find((row) => row.no === no) || null;
export const wordOf = (pairs, code) => pairs.find((pair) => pair[0] === code)?.[1] ?? String(code || "").replaceAll("_", " ");
export const outcomeWord = (code) => now.day.outcomes.find((each) => each.code === code)?.word ?? String(code || "").replaceAll("_", " ");

// The map of whatever app the phone has: the place when it is known, else the address.
function mapLink(row) {
  const where = encodeURIComponent([row.address, row.city, row.pincode].filter(Boolean).join(", "));
  return row.lat === null ? `geo:0,0?q=${where}` : `geo:${row.lat},${row.lon}?q=${row.lat},${row.lon}`;
}

function minding(row) {
  const { from, to } = now.day.hours, found = [], time = clockTime(Date.now());
  if (row.hold) found.push(["blocked", "On hold", `${row.hold}. Do not work this account; ask your office.`]);
  if (from && (time < from || time > to)) found.push(["waiting", "Outside contact hours",
    `Borrowers are contacted between ${from} and ${to}. A contact now is recorded and flagged.`]);
  if (row.left !== null && row.left <= 0) found.push(["waiting", "Enough tries today", "Another contact today is recorded and flagged."]);
  return found.map(([tone, title, text]) => h("div", { class: `notice ${tone}` }, icon("warn"),
    h("div", null, h("b", null, title), h("span", null, text))));
}

function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(([name, value]) => h("div", null, h("dt", null, name),
    h("dd", null, value))));
}

function before(row) {
  const mine = now.entries.filter((entry) => entry.loan_account_no === row.no);
  if (!mine.length) return null;
  return h("ul", { class: "lines" }, mine.map((entry) => h("li", null,
    h("span", null, entry.kind === "collection" ? [h("b", null, shown(entry.amount_minor)), ` taken, receipt ${entry.receipt_no}`]
      : outcomeWord(entry.disposition)),
    h("small", null, `${clockTime(entry.at)}, ${entry.state === "stored" ? "sent" : entry.state === "refused" ? "not accepted" : "waiting to be sent"}`))));
}

export function account(no) {
  const row = rowOf(no);
  if (!row) return { title: "Gone", back: "#/", content: [h("p", { class: "empty" },
    "This account is not on your list any more: the bank recalled it, or it went to somebody else.")] };
  const to = `#/account/${encodeURIComponent(no)}/happened`;
  return {
    title: row.name || row.no, back: "#/",
    content: [
      minding(row),
      h("p", { class: "big-figure" }, h("b", null, shown(row.overdue)), h("span", null, `overdue, ${row.dpd} days past due`)),
      isPromised(row) ? h("p", { class: "promised" }, h("b", null, shown(row.promised)), ` promised for ${dayWords(row.promised_on)}`)
        : null,
      h("div", { class: "pair" },
        row.mobile ? h("a", { class: "button", href: `tel:${row.mobile}` }, icon("call"), "Call") : null,
        row.address || row.lat !== null ? h("a", { class: "button", href: mapLink(row) }, icon("map"), "Open in maps") : null),
      facts([["Address", [row.address, row.city, row.pincode].filter(Boolean).join(", ")], ["Mobile", row.mobile],
        ["Last contact", row.last_at ? `${dayWords(row.last_at)}, ${clockTime(row.last_at)}${row.last ? `: ${outcomeWord(row.last)}` : ""}`
          : "None yet"],
        ["Instalment", shown(row.emi)], ["Owed in all", shown(row.total)], ["Loan", `${row.no}, ${row.product}, bucket ${row.bucket}`],
        ["Tries left today", row.left === null ? null : String(Math.max(row.left, 0))], ["Today", isVisited(row) ? "Seen" : null]]),
      before(row),
    ],
    acts: [h("a", { class: "button", href: to }, "Something else"), h("a", { class: "button primary", href: `${to}/paid` }, icon("cash"),
      "Money taken")],
  };
}

// Amounts worth offering: what was promised, an instalment, all that is overdue.
export function likelyAmounts(row) {
  const found = [["Promised", row.promised], ["Instalment", row.emi], ["All overdue", row.overdue]].filter(([, minor]) => minor > 0);
  return found.filter(([, minor], at) => found.findIndex(([, other]) => other === minor) === at).map(([words, minor]) => ({ words, minor,
    text: plain(minor) }));
}
