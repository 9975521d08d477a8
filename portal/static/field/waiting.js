// What waits to be sent, and what the server would not take: why, in words, and what to do about it.
import { clockTime, dayWords, h, icon, problems, say } from "./page.js";
import { shown } from "./money.js";
import { outcomeWord } from "./account.js";
import { change, isWaiting, looseFiles, nextReceiptNo, now, pass, throwAway, throwFileAway } from "./work.js";

function what(entry) {
  if (entry.kind === "collection") return `${shown(entry.amount_minor)} from ${entry.loan_account_no}, receipt ${entry.receipt_no}`;
  if (entry.kind === "deposit") return `Deposit slip ${entry.slip_no}, ${shown(entry.amount_minor)}`;
  return `${outcomeWord(entry.disposition)}, ${entry.loan_account_no}`;
}

// A second tap throws away; the first says what goes.
function dropButton(words, act) {
  let sure = false;
  const button = h("button", { type: "button", class: "plain danger", onclick: () => {
    if (sure) { act(); return; }
    sure = true;
    button.textContent = "Tap again: it is gone for good";
  } }, words);
  return button;
}

function numberTaken(entry) {
  const next = nextReceiptNo(), clash = entry.problems.some((problem) => problem.column === "receipt_no");
  if (entry.kind !== "collection" || !clash || !next) return null;
  return h("div", { class: "cure" },
    h("p", null, `Number ${entry.receipt_no} stands for something else at the bank. Give this receipt the next one; the borrower's receipt must then be replaced.`),
    h("button", { type: "button", class: "button primary", onclick: async () => {
      await change(entry, { receipt_no: next, old_receipt_nos: [...(entry.old_receipt_nos || []), entry.receipt_no] });
      location.hash = `#/receipt/${entry.client_id}`;
      say(`Show or send the borrower the new receipt ${next}.`, "waiting");
    } }, `Use ${next}`));
}

function card(entry) {
  const refused = entry.state === "refused", photos = now.files.filter((file) => file.parent_id === entry.client_id).length;
  return h("li", { class: refused ? "queued blocked" : "queued" },
    h("b", null, what(entry)),
      h("small", null, `${dayWords(entry.at)}, ${clockTime(entry.at)}${photos ? `, ${photos} photo${photos > 1 ? "s" : ""}` : ""}`),
    h("span", { class: `mark ${refused ? "blocked" : "waiting"}` }, icon(refused ? "warn" : "wait"), refused ? "Not accepted"
      : "Waiting to be sent"),
    refused ? null : h("small", null, entry.problems.map((problem) => `${problem.message} ${problem.cure}`)),
    refused ? [problems(entry.problems), numberTaken(entry),
      h("div", { class: "pair" }, entry.kind === "deposit" ? null : h("a",
        { class: "button", href: `#/account/${encodeURIComponent(entry.loan_account_no)}/happened/${entry.client_id}` }, "Correct it"),
        h("button", { type: "button", class: "button", onclick: () => change(entry, {}) }, "Send again")),
      dropButton("Throw it away", () => throwAway(entry))] : null);
}

function loose(file) {
  const refused = file.state === "refused";
  return h("li", { class: refused ? "queued blocked" : "queued" }, h("b", null, `Photo: ${file.name}`),
    h("small", null, `${Math.ceil(file.blob.size / 1024)} kB`),
    h("span", { class: `mark ${refused ? "blocked" : "waiting"}` }, icon(refused ? "warn" : "wait"), refused ? "Not accepted"
      : "Waiting to be sent"),
    refused ? [problems(file.problems), dropButton("Throw it away", () => throwFileAway(file))] : null);
}

function sent(entry) {
  const text = h("span", null, what(entry)), time = h("small", null, `${clockTime(entry.at)}, sent`);
  const flagged = (entry.said || []).map((words) => h("small", { class: "flagged" }, words));
  return h("li", null, entry.kind === "collection" ? h("a", { href: `#/receipt/${entry.client_id}` }, text, time) : [text, time], flagged);
}

export function waitingPage() {
  const queue = now.entries.filter(isWaiting), photos = looseFiles(),
    done = now.entries.filter((entry) => entry.state === "stored").reverse();
  const stuck = queue.length + photos.length > 0 && ![...queue, ...photos].some((each) => each.state === "waiting");
  const words = stuck ? "These were not accepted. See why, and what to do." : queue.length + photos.length === 0
    ? "Everything has been sent." : now.online ? "These have not arrived yet." : "No network. These are sent when there is one.";
  return { title: "Waiting to be sent", content: [
    h("p", { class: "standing" }, words),
    now.others ? h("p", { class: "notice waiting" }, icon("wait"), h("span", null,
      `${now.others} of somebody else's wait on this phone until they sign in here.`)) : null,
    h("ul", { class: "queue" }, queue.map(card), photos.map(loose)),
    done.length ? [h("h2", null, "Sent in the last day"), h("ul", { class: "lines" }, done.map(sent))] : null],
  acts: [...queue, ...photos].some((each) => each.state === "waiting")
    ? [h("button", { type: "button", class: "button primary", onclick: () => pass() }, icon("wait"), now.sending ? "Sending…"
    : "Send now")] : [] };
}
