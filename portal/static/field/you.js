// Who is signed in here, what this phone holds, and the way out.
import { dayWords, h, icon, say } from "./page.js";
import { now, forget, pass, waiting } from "./work.js";
import { hello, Offline, signOut } from "./server.js";

let installer = null;
addEventListener("beforeinstallprompt", (event) => { event.preventDefault(); installer = event; });

// The list goes first, whatever the network does; what waits stays, without a borrower's name, until its owner signs in again.
async function leave() {
  await forget();
  try {
    await hello();
    await signOut();
    location.assign("/sign-in");
  } catch {
    localStorage.setItem("field-leaving", "1");
    say("The list is off this phone. You are signed out as soon as there is a network.", "waiting");
  }
}

// Somebody signed out without a network: the server hears of it before anything else happens here.
export async function finishLeaving() {
  if (!localStorage.getItem("field-leaving")) return false;
  await forget();
  try {
    await hello();  // for a fresh form token
    await signOut();
  } catch (error) {
    if (error instanceof Offline) return true;
  }
  localStorage.removeItem("field-leaving");
  return true;
}

export function you() {
  const left = waiting(), minutes = Math.round(Math.abs(now.skew) / 60000);
  return { title: "You", content: [
    h("p", { class: "who" }, h("b", null, now.user.name), h("span", null, now.day.agency.name)),
    minutes > 5 ? h("p", { class: "notice waiting" }, icon("warn"), h("span", null,
      `This phone's clock is ${minutes} minutes ${now.skew > 0 ? "behind" : "ahead"}. Set it right: your entries carry its time.`)) : null,
    h("dl", { class: "facts" }, [["List of", dayWords(now.day.day)], ["Accounts", String(now.day.accounts.length)],
      ["Waiting to be sent", String(left)], ["Receipt numbers left", String(now.day.ranges.reduce((total,
      range) => total + range.last - range.next + 1 - range.used.length, 0))]]
      .map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
    h("p", null, h("button", { type: "button", class: "plain", onclick: () => pass() }, "Get the list again")),
    installer ? h("p", null, h("button", { type: "button", class: "plain", onclick: () => installer.prompt() },
      "Put this on the home screen")) : null,
    h("p", null, h("a", { href: "/agency/accounts" }, "All pages of the portal")),
    left ? h("p", { class: "notice waiting" }, icon("wait"), h("span", null,
      `${left} not sent yet. They stay on this phone, without any borrower's name, and are sent when you sign in here again.`)) : null],
  acts: [h("button", { type: "button", class: "button", onclick: leave }, "Sign out and clear the list")] };
}
