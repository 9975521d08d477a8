// The editing sheet without reloading: the same posts, the answer put in place. Without this file every button still works.
"use strict";
(() => {
  const form = () => document.querySelector("form[data-sheet]");
  if (!form() || !window.fetch) return;
  let asked = 0, pressed = false;
  addEventListener("pointerdown", () => { pressed = true; }, true);
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => { pressed = false; }, true);

  // Send what stands on the sheet with one act; keep scroll and the field in hand.
  const typed = (sheet) => new URLSearchParams(new FormData(sheet));
  const send = async (act, near) => {
    const sheet = form(), mine = ++asked, data = typed(sheet), stood = data.toString(), quietly = ["look", "try"].includes(act);
    data.set("do", act);
    sheet.classList.add("is-looking");
    sheet.inert = !quietly;
    try {
      const answer = await fetch(location.href.split("#")[0], { method: "POST", body: data, credentials: "same-origin" });
      while (pressed) await new Promise((go) => setTimeout(go, 30)); // a button being pressed must not vanish under the finger
      if (mine !== asked) return;
      sheet.classList.remove("is-looking");
      if (quietly && typed(sheet).toString() !== stood) return; // somebody types on: the next look takes that along
      const held = document.activeElement, caret = /^(text|)$/.test(held?.type ?? "-") ? [held.selectionStart, held.selectionEnd] : null;
      const before = near?.getBoundingClientRect().top;
      if (![200, 409, 422].includes(answer.status)) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html"), fresh = page.querySelector("main");
      if (!fresh?.querySelector("form[data-sheet]")) throw new Error("no sheet");
      const open = [...document.querySelectorAll("main details")].map((each) => each.open);
      document.querySelector("main").replaceChildren(...fresh.childNodes);
      const details = [...document.querySelectorAll("main details")];
      if (details.length === open.length) details.forEach((each, place) => { each.open = each.open || open[place]; });
      settle(act, held?.id, caret, near?.id, before);
    } catch {
      if (mine !== asked) return;
      sheet.classList.remove("is-looking");
      sheet.inert = false;
      if (!quietly) plainly(sheet, act);
    }
  };

  // Where the reader was, and where the act led.
  const settle = (act, held, caret, nearId, before) => {
    const near = nearId && document.getElementById(nearId), field = held && document.getElementById(held);
    if (near && before !== undefined) scrollBy(0, near.getBoundingClientRect().top - before);
    const [verb, where] = act.split(":");
    const list = (where || "").split("/");
    const place = Number(list.at(-1));
    const moved = { up: place - 1, down: place + 1, copy: place + 1 }[verb];
    const card = moved === undefined ? null : document.getElementById(`f-${[...list.slice(0, -1), moved].join("-")}`);
    if (card) { card.scrollIntoView({ block: "nearest" }); card.querySelector("button")?.focus({ preventScroll: true }); return; }
    if (verb === "add") {
      const added = [...document.querySelectorAll(`[id^="f-${where.replaceAll("/", "-")}-"]`)].filter((each) => /^(article|tr)$/i.test(each.tagName)).at(-1);
      if (added) { added.scrollIntoView({ block: "nearest" }); added.querySelector("input, select")?.focus({ preventScroll: true }); return; }
    }
    field?.focus({ preventScroll: true });
    if (field && caret) field.setSelectionRange(...caret);
  };

  const plainly = (sheet, act) => {
    const button = document.createElement("button");
    button.name = "do"; button.value = act; button.hidden = true;
    sheet.append(button);
    sheet.dataset.plain = "yes";
    sheet.requestSubmit(button);
  };

  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.target !== form() || event.target.dataset.plain || button?.value === "save") return;
    event.preventDefault();
    send(button?.value || "look", button?.closest("article, .panel, section"));
  }, true);

  // What was typed is looked at as soon as the field is left: curve, lint and examples follow.
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field.form !== form() || /\/\+(key|text)$/.test(field.name) || field.type === "hidden") return;
    send(field.name.startsWith("t/") ? "try" : "look", field.closest("article, .panel, section"));
  });
})();
