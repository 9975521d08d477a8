// Elements by name. Text is always text: nothing here ever reads markup from data.
const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  back: "M10 3 5 8l5 5", list: "M2 4h12M2 8h12M2 12h8", wait: "M8 14V4M4 7.5 8 3.5l4 4",
    cash: "M2 4.5h12v7H2zM8 6.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2z",
  you: "M8 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM3 14c.4-3 2.4-4.3 5-4.3s4.6 1.3 5 4.3",
    camera: "M2 5h3l1-2h4l1 2h3v8H2zM8 6.7a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6z",
  call: "M4 2h2.5l1 3-1.5 1.2a8 8 0 0 0 3.8 3.8L11 8.5l3 1V12a2 2 0 0 1-2 2A10 10 0 0 1 2 4a2 2 0 0 1 2-2z",
    map: "M8 14s4.5-4 4.5-7.5a4.5 4.5 0 0 0-9 0C3.5 10 8 14 8 14zM8 5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z",
  done: "M3 8.5 6.5 12 13 4.5", warn: "M8 2 1.5 13.5h13zM8 6.5v3M8 11.3v.4", share: "M11 5 8 2 5 5M8 2v8M3 8v6h10V8",
    plus: "M8 3v10M3 8h10", drop: "M4 4l8 8M12 4l-8 8",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" })) svg.setAttribute(key, value);
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

// h("button", { class: "big", onclick: save }, icon("done"), "Save"): `on…` listens, true sets, false and null leave out.
export function h(tag, given, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(given || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value") element.value = value;
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// One of several, as big buttons: [code, words] pairs; a radio group to keyboards and readers.
export function choice(name, label, options, chosen, pick, look = "") {
  return h("fieldset", { class: `choice ${look}` }, h("legend", null, label),
    h("div", { class: "choices" }, options.map(([code, words]) => h(
    "label", null, h("input", { type: "radio", name, value: code, checked: code === chosen, onchange: () => pick(code) }),
      h("span", null, words),
  ))));
}

let count = 0;
export function field(label, input, hint = null) {
  input.id = input.id || `f${++count}`;
  const note = hint ? h("small", { id: `${input.id}-hint` }, hint) : null;
  if (note) input.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input, note);
}

export function say(words, tone = "") {
  const spot = document.getElementById("said");
  spot.textContent = words;
  spot.className = `said ${tone}`;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { spot.textContent = ""; spot.className = "said"; }, 6000);
}

export const problems = (list) => list.length ? h("div", { class: "problems", role: "alert" }, h("ul", null, list.map((one) => h(
  "li", null, one.message, one.cure ? h("small", null, one.cure) : null,
)))) : null;

// Days and times are the bank's, whatever zone the phone believes to be in.
let zone;
export function useZone(name) { zone = name; }
const local = (moment, options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }).format(new Date(moment));

export const clockTime = (moment) => local(moment, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export function dayWords(iso) {
  return iso ? local(iso.length === 10 ? `${iso}T12:00:00Z` : iso, { day: "numeric", month: "short", year: "numeric",
    timeZone: iso.length === 10 ? "UTC" : zone }) : "–";
}
// 2026-11-10, of a moment or of now.
export const isoDay = (moment = Date.now()) => local(moment, { year: "numeric", month: "2-digit",
  day: "2-digit" }).split("/").reverse().join("-");
