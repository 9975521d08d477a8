// Today's list: promised first, then not yet visited, then the rest; near me when the phone says where it is.
import { h, icon } from "./page.js";
import { distance, here, locate, metres } from "./place.js";
import { shown } from "./money.js";
import { now, today } from "./work.js";

const chosen = { filter: "", text: "" };
const FILTERS = [["promised", "Promised today"], ["unvisited", "Not yet visited"], ["near", "Near me"]];

export const isVisited = (row) => row.visited || now.entries.some((entry) => entry.loan_account_no === row.no
  && today(entry.at) === today());
// Money was taken today: nothing more to do there, whatever was promised.
function isPaid(row) {
  const outcome = now.day.outcomes.find((each) => each.code === row.last);
  return (row.visited && outcome?.asks === "money") || now.entries.some((entry) => entry.kind === "collection"
    && entry.loan_account_no === row.no && today(entry.at) === today());
}
export const isPromised = (row) => row.promised !== null && row.promised_on <= today();

function fits(row) {
  if (chosen.filter === "promised" && !isPromised(row)) return false;
  if (chosen.filter === "unvisited" && isVisited(row)) return false;
  const text = chosen.text.trim().toLowerCase();
  return !text || [row.no, row.name, row.mobile, row.address, row.city, row.pincode].some((part) => part
    && String(part).toLowerCase().includes(text));
}

function order(rows) {
  const rank = (row) => isPromised(row) && !isPaid(row) ? 0 : isVisited(row) ? 2 : 1;
  const far = (row) => metres(here(), row) ?? Infinity;
  const near = chosen.filter === "near";
  return rows.map((row, at) => ({ row, at, rank: near ? 0 : rank(row), far: far(row) }))
    .sort((a, b) => a.rank - b.rank || (a.far === b.far ? 0 : a.far - b.far) || a.at - b.at).map(({ row }) => row);
}

function standing() {
  const rows = now.day.accounts, left = rows.filter((row) => !isVisited(row)).length, promised = rows.filter(isPromised);
  const sum = promised.reduce((total, row) => total + row.promised, 0);
  return h("p", { class: "standing" }, h("b", null, `${left} to see`), promised.length
    ? [", ", h("b", null, shown(sum)), ` promised today by ${promised.length}`] : ", nothing promised today");
}

function line(row) {
  const far = metres(here(), row);
  return h("li", null, h("a", { href: `#/account/${encodeURIComponent(row.no)}`, class: "row" },
    h("span", { class: "row-who" }, h("b", null, row.name || row.no), h("small", null, [row.address, row.city].filter(Boolean).join(", ")
      || row.no)),
    h("span", { class: "row-money" }, h("b", null, shown(row.overdue)), h("small", null, far === null ? `${row.dpd} days` : distance(far))),
    h("span", { class: "marks" },
      row.hold ? h("i", { class: "mark blocked" }, icon("warn"), "On hold") : null,
      isPromised(row) ? h("i", { class: "mark waiting" }, `Promised ${shown(row.promised)}`) : null,
      isVisited(row) ? h("i", { class: "mark good" }, icon("done"), "Seen today") : null),
  ));
}

export function list() {
  const rows = h("ul", { class: "rows" });
  const empty = h("p", { class: "empty", hidden: true });
  const fill = () => {
    const found = order(now.day.accounts.filter(fits));
    rows.replaceChildren(...found.map(line));
    empty.hidden = found.length > 0;
    empty.textContent = now.day.accounts.length ? "No account fits. Take the filter or the search away." : now.day.note
      || "Nothing is allocated to you today. Ask your office.";
  };
  const chip = ([code, words]) => h("button", { type: "button", "aria-pressed": String(chosen.filter === code), onclick: async (event) => {
    chosen.filter = chosen.filter === code ? "" : code;
    for (const each of event.currentTarget.parentNode.children) each.setAttribute("aria-pressed", "false");
    event.currentTarget.setAttribute("aria-pressed", String(Boolean(chosen.filter)));
    fill();
    if (chosen.filter === "near" && await locate()) fill();
  } }, words);
  const search = h("input", { type: "search", placeholder: "Name, account, street, PIN", "aria-label": "Search today's list",
    autocomplete: "off", value: chosen.text,
    oninput: () => { chosen.text = search.value; fill(); } });
  fill();
  return { title: "Today", content: [standing(), h("div", { class: "chips", role: "group", "aria-label": "Show" }, FILTERS.map(chip)),
    search, rows, empty] };
}
