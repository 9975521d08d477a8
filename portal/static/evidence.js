// Reviewing by keyboard: j next, k previous, a accept, q question (Enter sends it, Escape leaves), u back to the list; in the list j and k move,
// Enter opens. Every key has its button or link on the page, which works without this file.
"use strict";
(() => {
  const act = (key) => document.querySelector(`[data-key="${key}"]`);
  const rows = [...document.querySelectorAll("[data-pieces] tbody > tr a[data-open]")];
  let at = rows.findIndex((link) => link === document.activeElement);
  const move = (step) => {
    at = Math.max(0, Math.min(at + step, rows.length - 1));
    rows[at].focus();
    rows.forEach((link, place) => link.closest("tr").classList.toggle("is-chosen", place === at));
    rows[at].scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select")) {
      if (event.key === "Escape" && event.target.closest("[data-question]")) event.target.blur();
      return;
    }
    if (rows.length && (event.key === "j" || event.key === "k")) move(event.key === "j" ? 1 : -1);
    else {
      const target = act(event.key);
      if (!target) return;
      if (target.matches("form")) target.requestSubmit();
      else if (target.matches("input, textarea")) target.focus();
      else target.click();
    }
    event.preventDefault();
  });
})();
