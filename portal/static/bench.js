// The bench by keyboard: j and k move, Enter confirms, x refuses, u takes the last link back. The page works without it.
"use strict";
(() => {
  const bench = document.querySelector("[data-bench]");
  if (!bench) return;
  const rows = () => [...bench.querySelectorAll("tbody > tr")];
  let at = -1;
  const choose = (next) => {
    const list = rows();
    if (!list.length) return;
    at = Math.max(0, Math.min(next, list.length - 1));
    list.forEach((row, place) => row.classList.toggle("is-chosen", place === at));
    list[at].tabIndex = -1;
    list[at].focus({ preventScroll: true });
    list[at].scrollIntoView({ block: "nearest" });
  };
  const send = (selector, within) => {
    const form = within?.querySelector(selector);
    if (form) form.requestSubmit();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, button, a")) return;
    if (event.key === "j") choose(at + 1);
    else if (event.key === "k") choose(at - 1);
    else if (event.key === "Enter" && at >= 0) send("[data-bench-confirm]", rows()[at]);
    else if (event.key === "x" && at >= 0) send("[data-bench-reject]", rows()[at]);
    else if (event.key === "u") send("[data-bench-undo]", document);
    else return;
    event.preventDefault();
  });
  choose(0);
})();
