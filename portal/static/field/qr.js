// A QR code (ISO/IEC 18004) of a short address, drawn as SVG: bytes, error correction M, versions 1 to 6, so at most 106 octets.
const SVG = "http://www.w3.org/2000/svg";
const VERSIONS = [null, [10, 1, 16], [16, 1, 28], [26, 1, 44], [18, 2, 32], [24, 2, 43],
  [16, 4, 27]];  // check octets, blocks, octets a block

// --- arithmetic of the field with 256 elements

const EXP = new Uint8Array(512), LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i += 1) {
  EXP[i] = EXP[i + 255] = x;
  LOG[x] = i;
  x = (x << 1) ^ (x & 128 ? 0x11d : 0);
}
const times = (a, b) => a && b ? EXP[LOG[a] + LOG[b]] : 0;

function checkOctets(data, count) {
  let divisor = [1];
  for (let i = 0; i < count; i += 1) divisor = [...divisor, 0].map((c, j) => c ^ times(divisor[j - 1] || 0, EXP[i]));
  const rest = [...data, ...new Array(count).fill(0)];
  for (let i = 0; i < data.length; i += 1) {
    const factor = rest[i];
    divisor.forEach((c, j) => { rest[i + j] ^= times(c, factor); });
  }
  return rest.slice(data.length);
}

// --- octets of the message, padded, in blocks, interleaved

function codewords(octets, version) {
  const [checks, blocks, size] = VERSIONS[version], room = blocks * size;
  const bits = [0, 1, 0, 0];
  const put = (value, length) => { for (let i = length - 1; i >= 0; i -= 1) bits.push((value >> i) & 1); };
  put(octets.length, 8);
  octets.forEach((octet) => put(octet, 8));
  put(0, Math.min(4, room * 8 - bits.length));
  while (bits.length % 8) bits.push(0);
  const data = [];
  for (let i = 0; i < bits.length; i += 8) data.push(parseInt(bits.slice(i, i + 8).join(""), 2));
  for (let pad = 0xec; data.length < room; pad ^= 0xec ^ 0x11) data.push(pad);
  const parts = Array.from({ length: blocks }, (_, i) => data.slice(i * size, (i + 1) * size));
  const tails = parts.map((part) => checkOctets(part, checks));
  const woven = (rows, length) => Array.from({ length }, (_, i) => rows.map((row) => row[i])).flat();
  return [...woven(parts, size), ...woven(tails, checks)];
}

// --- the square: what stands in every code, then the message in its zigzag, then the mask

function frame(version) {
  const size = 17 + 4 * version, grid = Array.from({ length: size }, () => new Array(size).fill(null));
  const finder = (top, left) => {
    for (let y = -1; y < 8; y += 1) for (let x = -1; x < 8; x += 1) {
      if (grid[top + y]?.[left + x] === undefined) continue;
      const ring = Math.max(Math.abs(y - 3), Math.abs(x - 3));
      grid[top + y][left + x] = Number(ring !== 2 && ring !== 4);
    }
  };
  finder(0, 0); finder(0, size - 7); finder(size - 7, 0);
  for (let i = 8; i < size - 8; i += 1) grid[6][i] = grid[i][6] = 1 - i % 2;
  if (version > 1) for (let y = -2; y < 3; y += 1) for (let x = -2; x < 3; x += 1) {
    grid[size - 7 + y][size - 7 + x] = Number(Math.max(Math.abs(y), Math.abs(x)) !== 1);
  }
  return grid;
}

const cells = (size, i) => [i < 6 ? [i, 8] : i < 8 ? [i + 1, 8] : i === 8 ? [8, 7] : [8, 14 - i], i < 8 ? [8, size - 1 - i]
  : [size - 15 + i, 8]];

// Error correction M and the mask, told twice beside the finders.
function format(grid, mask) {
  let rest = mask << 10;
  for (let i = 14; i >= 10; i -= 1) if (rest >> i & 1) rest ^= 0x537 << (i - 10);
  const bits = ((mask << 10) | rest) ^ 0x5412, size = grid.length;
  for (let i = 0; i < 15; i += 1) for (const [y, x] of cells(size, i)) grid[y][x] = bits >> i & 1;
  grid[size - 8][8] = 1;
}

const MASKS = [(y, x) => (y + x) % 2, (y) => y % 2, (y, x) => x % 3, (y, x) => (y + x) % 3, (y, x) => ((y >> 1) + Math.floor(x / 3)) % 2,
  (y, x) => (y * x) % 2 + (y * x) % 3, (y, x) => ((y * x) % 2 + (y * x) % 3) % 2, (y, x) => ((y + x) % 2 + (y * x) % 3) % 2];

function filled(version, words, mask) {
  const grid = frame(version), size = grid.length;
  format(grid, mask);
  let at = 0;
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step += 1) for (const x of [right, right - 1]) {
      const y = up ? size - 1 - step : step;
      if (grid[y][x] !== null) continue;
      const bit = words[at >> 3] >> (7 - (at & 7)) & 1;
      at += 1;
      grid[y][x] = bit ^ Number(MASKS[mask](y, x) === 0);
    }
  }
  return grid;
}

// How hard a square is to read: long runs, blocks of four, too much of one colour.
function penalty(grid) {
  const size = grid.length, turned = grid.map((_, x) => grid.map((row) => row[x]));
  let points = 0, dark = 0;
  for (const rows of [grid,
    turned]) for (const row of rows) for (const run of row.join("").match(/0+|1+/g)) if (run.length > 4) points += run.length - 2;
  grid.forEach((row, y) => row.forEach((cell, x) => {
    dark += cell;
    if (y && x && cell === row[x - 1] && cell === grid[y - 1][x] && cell === grid[y - 1][x - 1]) points += 3;
  }));
  return points + 10 * Math.floor(Math.abs(dark * 20 / size / size - 10));
}

// Rows of 0 and 1; null for a text too long.
export function matrix(text, mask = null) {
  const octets = [...new TextEncoder().encode(text)];
  const version = VERSIONS.findIndex((row) => row && octets.length + 2 <= row[1] * row[2]);
  if (version < 0) return null;
  const words = codewords(octets, version);
  if (mask !== null) return filled(version, words, mask);
  return MASKS.map((_, each) => filled(version, words, each)).reduce((best, next) => penalty(next) < penalty(best) ? next : best);
}

export function qr(text) {
  const grid = matrix(text);
  if (!grid) return null;
  const size = grid.length + 8, svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({ viewBox: `0 0 ${size} ${size}`, class: "qr", role: "img",
    "aria-label": "QR code of the address that checks this receipt" })) svg.setAttribute(key, value);
  path.setAttribute("d", grid.flatMap((row, y) => row.flatMap((cell, x) => cell ? [`M${x + 4} ${y + 4}h1v1h-1z`] : [])).join(""));
  svg.append(path);
  return svg;
}
