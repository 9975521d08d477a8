// Progressive enhancement only: every page works without this file.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  root.classList.add("has-js");

  // Light or dark: remembered in a cookie so that the server draws the right one at once.
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  all("[data-theme-switch]").forEach((button) => button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  }));

  // "/" goes to the search box; Escape closes what is open; a click elsewhere closes menus.
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const box = document.querySelector("[data-search]");
      if (box) { event.preventDefault(); box.focus(); box.select(); }
    }
    if (event.key === "Escape") {
      all("details.drop[open]").forEach((drop) => { drop.open = false; drop.querySelector("summary").focus(); });
      if (location.hash === "#menu") location.hash = "main";
    }
  });
  document.addEventListener("click", (event) => {
    all("details.drop[open]").forEach((drop) => { if (!drop.contains(event.target)) drop.open = false; });
  });

  // A filter's choice shows at once.
  const filters = (scope) => all("select[data-submits]", scope).forEach((select) => select.addEventListener("change", () => select.form.requestSubmit()));

  // Signing out takes the phone's list of borrowers off this browser, whatever becomes of the answer.
  document.addEventListener("submit", (event) => {
    if (event.target.getAttribute("action")?.startsWith("/sign-out")) indexedDB.deleteDatabase("field-day");
  });

  // One act, one effect: a second click on a sending form does nothing.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sending) { event.preventDefault(); return; }
    form.dataset.sending = "yes";
    all("button:not([type=button])", form).forEach((button) => button.setAttribute("aria-disabled", "true"));
  });
  addEventListener("pageshow", () => all("form[data-sending]").forEach((form) => {
    delete form.dataset.sending;
    all("button[aria-disabled]", form).forEach((button) => button.removeAttribute("aria-disabled"));
  }));

  // "Show more" adds the next page's rows to this table.
  const grow = (scope) => all("a[data-more]", scope).forEach((link) => link.addEventListener("click", async (event) => {
    const wrap = link.closest("[data-more-into]");
    if (!wrap || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    link.textContent = "Loading…";
    try {
      const answer = await fetch(link.href, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const place = all("[data-more-into]").indexOf(wrap);
      const next = all("[data-more-into]", page)[place] || page.querySelector("[data-more-into]");
      const body = wrap.querySelector("tbody"), first = body.rows.length;
      body.append(...next.querySelectorAll("tbody > tr"));
      const foot = wrap.querySelector(".table-foot"), fresh = next.querySelector(".table-foot");
      all("a[href*='after=']", fresh || document.createElement("i")).filter((a) => !a.dataset.more).forEach((a) => a.remove());
      if (fresh) foot.replaceWith(fresh); else foot.remove();
      all("[data-shown]", wrap).forEach((count) => { count.textContent = body.rows.length.toLocaleString("en-IN"); });
      grow(wrap);
      body.rows[first]?.querySelector("a")?.focus();
    } catch { location.assign(link.href); }
  }));

  // Files: drop them, see what was chosen, watch them go.
  const mb = (octets) => octets < 1e6 ? `${Math.ceil(octets / 1e3)} kB` : `${(octets / 1e6).toFixed(1)} MB`;
  const drops = (scope) => all("[data-drop]", scope).forEach((zone) => {
    const input = zone.querySelector("input[type=file]"), said = zone.querySelector("[data-file-said]");
    const show = () => {
      const file = input.files[0], most = Number(zone.dataset.maxMb);
      if (!file) return;
      const over = file.size > most * 1e6;
      input.setCustomValidity(over ? `This file has ${mb(file.size)}; an upload may have ${most} MB. Split it.` : "");
      said.textContent = over ? input.validationMessage : `${file.name}, ${mb(file.size)}`;
    };
    input.addEventListener("change", show);
    for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("is-over"); });
    for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("is-over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) { input.files = event.dataTransfer.files; show(); }
    });
  });
  const uploads = (scope) => all("form[data-upload]", scope).forEach((form) => form.addEventListener("submit", (event) => {
    const box = form.querySelector("[data-file-progress]"), bar = box?.querySelector("progress");
    if (!bar || form.dataset.sending) return;
    event.preventDefault();
    form.dataset.sending = "yes";
    box.hidden = false;
    const sending = new XMLHttpRequest();
    const stop = (words) => {
      delete form.dataset.sending;
      box.hidden = true;
      form.querySelector("[data-file-said]").textContent = words;
    };
    sending.open("POST", form.action);
    sending.upload.addEventListener("progress", (step) => { if (step.lengthComputable) { bar.max = step.total; bar.value = step.loaded; } });
    sending.addEventListener("load", () => {
      // The answer's page is shown as it came: fetching it again would lose what it says about this upload.
      const page = new DOMParser().parseFromString(sending.responseText, "text/html"), fresh = page.querySelector("main");
      if (!fresh) { stop(`The server answered ${sending.status}. Nothing was stored; try again.`); return; }
      if (sending.responseURL && sending.responseURL !== form.action) { history.pushState(null, "", sending.responseURL); document.title = page.title; }
      document.querySelector("main").replaceChildren(...fresh.childNodes);
      scrollTo(0, 0);
      wake(document.querySelector("main"));
    });
    sending.addEventListener("error", () => stop("The connection broke. Send it again: rows already stored stay as they are."));
    sending.send(new FormData(form, event.submitter));
  }));

  // A job's progress.
  const jobs = (scope) => all("[data-job]", scope).forEach((box) => {
    const bar = box.querySelector("[data-job-bar]"), said = box.querySelector("[data-job-said]"), count = box.querySelector("[data-job-count]");
    let pause = 1000;
    const look = async () => {
      try {
        const answer = await fetch(box.dataset.job, { headers: { accept: "application/json" }, credentials: "same-origin" });
        if (!answer.ok) throw new Error(String(answer.status));
        const job = await answer.json();
        if (job.total) {
          bar.max = job.total; bar.value = job.done;
          count.textContent = `${job.done.toLocaleString("en-IN")} of ${job.total.toLocaleString("en-IN")}`;
        }
        if (job.message && said.textContent !== job.message) said.textContent = job.message;
        if (!["queued", "running", "started", "waiting"].includes(job.status)) { if (job.href) location.assign(job.href); else location.reload(); return; }
        pause = Math.min(pause * 1.2, 5000);
      } catch { pause = Math.min(pause * 2, 15000); }
      setTimeout(look, pause);
    };
    setTimeout(look, pause);
  });

  // Sums over a whole list are asked for once the list is there, so that a page costs no more than its rows.
  const later = (scope) => all("a[data-later]", scope).slice(0, 1).forEach(async (link) => {
    try {
      const answer = await fetch(link.href, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      all("[data-part]", page).forEach((part) => document.querySelector(`[data-part="${part.dataset.part}"]`)?.replaceWith(part));
    } catch { /* the link stays, and still leads there */ }
  });

  const wake = (scope) => { filters(scope); grow(scope); drops(scope); uploads(scope); jobs(scope); later(scope); };
  wake(document);
})();
