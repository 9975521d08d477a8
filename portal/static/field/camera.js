// Pictures from the camera: kept as they were taken, because what a picture says of itself is part of the evidence.
import { h, icon } from "./page.js";

// A small look at a picture, drawn on a canvas; a file the browser cannot draw is named instead.
function thumbnail(file) {
  const canvas = h("canvas", { width: 72, height: 72, role: "img", "aria-label": file.name || "Photo" });
  createImageBitmap(file, { resizeHeight: 72, resizeQuality: "low" }).then((bitmap) => {
    canvas.width = Math.min(bitmap.width, 160);
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
  }).catch(() => canvas.replaceWith(h("span", { class: "filed" }, file.name || "File")));
  return canvas;
}

// Buttons that open the camera, one for each kind of picture; what is taken is added to `photos`.
export function camera(photos, kinds) {
  const shelf = h("div", { class: "shelf" });
  const show = () => shelf.replaceChildren(...photos.map((photo, at) => h("figure", null, thumbnail(photo.file),
    h("figcaption", null, photo.words),
    h("button", { type: "button", class: "drop", "aria-label": `Take away the photo of the ${photo.words.toLowerCase()}`,
      onclick: () => { photos.splice(at, 1); show(); } }, icon("drop")))));
  const shot = ([kind, words]) => {
    const input = h("input", { type: "file", accept: "image/*", capture: "environment", class: "unseen",
      "aria-label": `Photo of the ${words.toLowerCase()}`, onchange: () => {
      for (const file of input.files) photos.push({ kind, words, file, taken_at: new Date().toISOString() });
      input.value = "";
      show();
    } });
    return h("label", { class: "button" }, input, icon("camera"), words);
  };
  show();
  return h("div", { class: "camera" }, h("div", { class: "pair" }, kinds.map(shot)), shelf);
}
