// Money as whole minor units, in figures and in words. No fractions: text is cut, never multiplied.
const SYMBOLS = { INR: "₹", KES: "KSh ", USD: "$", EUR: "€", GBP: "£" };
const NAMES = {
  INR: ["rupee", "rupees", "paise"], KES: ["shilling", "shillings", "cents"], USD: ["dollar", "dollars", "cents"],
  EUR: ["euro", "euros", "cents"], GBP: ["pound", "pounds", "pence"],
};
let currency = "INR", places = 2;

export function useCurrency(code, decimals) { currency = code; places = decimals; }

function parts(minor) {
  const digits = String(Math.abs(minor)).padStart(places + 1, "0");
  return places ? [digits.slice(0, -places), digits.slice(-places)] : [digits, ""];
}

export function plain(minor) {
  const [whole, part] = parts(minor);
  return part && Number(part) ? `${whole}.${part}` : whole;
}

export function shown(minor) {
  if (minor === null || minor === undefined) return "–";
  const [whole, part] = parts(minor);
  const grouped = currency === "INR" ? whole.replace(/(\d)(?=(\d\d)+\d$)/g, "$1,") : whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${SYMBOLS[currency] ?? `${currency} `}${grouped}${part ? `.${part}` : ""}`;
}

// Minor units of what somebody typed; null when it is no amount.
export function parsed(text) {
  const match = /^(\d{1,12})(?:\.(\d{0,3}))?$/.exec(text.replace(/[\s,₹$€£]/g, ""));
  if (!match || (match[2] || "").length > places) return null;
  const minor = Number(match[1] + (match[2] || "").padEnd(places, "0"));
  return minor > 0 && minor <= 1e14 ? minor : null;
}

const ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
  + "eighteen nineteen").split(" ");
const TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const INDIAN = [[10000000, "crore"], [100000, "lakh"], [1000, "thousand"], [100, "hundred"]];
const WESTERN = [[1000000000, "billion"], [1000000, "million"], [1000, "thousand"], [100, "hundred"]];

function counted(number) {
  for (const [size, word] of currency === "INR" ? INDIAN : WESTERN) {
    if (number >= size) {
      const rest = number % size;
      return `${counted(Math.floor(number / size))} ${word}${rest ? ` ${counted(rest)}` : ""}`;
    }
  }
  if (number < 20) return ONES[number];
  return TENS[Math.floor(number / 10)] + (number % 10 ? `-${ONES[number % 10]}` : "");
}

// "Four thousand two hundred rupees and fifty paise".
export function inWords(minor) {
  const [one, many, small] = NAMES[currency] ?? [currency, currency, "hundredths"];
  const [whole, part] = parts(minor).map(Number);
  const text = `${counted(whole)} ${whole === 1 ? one : many}${part ? ` and ${counted(part)} ${small}` : ""}`;
  return text[0].toUpperCase() + text.slice(1);
}
