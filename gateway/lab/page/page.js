// The page: joins, shows, and comes back after an interruption. What is what: link.js is the
// WebSocket, call.js WebRTC, people.js the list of the room, moderate.js a moderator's buttons,
// phones.js the phones that are called,
// story.js the timeline.

import { Call, openMicrophone, silentTrack } from "./call.js";
import { Link } from "./link.js";
import { Moderate } from "./moderate.js";
import { People } from "./people.js";
import { Phones } from "./phones.js";
import { Story } from "./story.js";

const at = (id) => document.getElementById(id);

const people = new People({
  list: at("people"),
  count: at("count"),
  nobody: at("nobody"),
  order: (name, nick) => order(name, { nick }),
});
const moderate = new Moderate(at("moderate"), order);
const phones = new Phones(at("phones"), order);
const story = new Story({ list: at("steps"), empty: at("no-steps"), filter: at("filter") });

// While one wants to be in the room: name, track, whether one can speak and is muted, the call.
let stay = null;
let you = null;

const link = new Link(told, (state) => {
  const open = state === "open";
  at("link").dataset.state = state;
  at("link").textContent = open ? "connected to the lab" : "the lab is gone: trying again…";
  at("join-talk").disabled = at("join-listen").disabled = !open;
  at("mute").disabled = !open || !stay?.speaks;
  at("moderate").inert = at("phones").inert = !open; // what is wanted now would not be heard
  if (!open) people.forget();
  if (!open && stay) {
    interrupt("The connection to the lab has dropped. You come back as soon as it does.");
  } else if (stay) {
    enter();
  }
});

function told(message) {
  switch (message.type) {
    case "welcome":
      at("room").textContent = message.room;
      at("dial").hidden = !message.dial;
      at("dial-address").textContent = message.dial ?? "";
      moderate.offer(message.own, message.troubles);
      story.restart(message.steps);
      break;
    case "step":
      story.add(message);
      break;
    case "room":
      people.show(message.occupants, message.levels, you, message.state);
      moderate.show(message.occupants, message.state);
      phones.show(message.state.phones);
      break;
    case "offer":
      if (stay) answer(message);
      break;
    case "muted":
      if (stay) setMuted(true, "Somebody has muted you.");
      break;
    case "removed":
      leave(`You are out of the room: ${message.reason}.`);
      break;
    case "error":
      notice(`The lab says: ${message.message}.`);
      break;
  }
}

// What a moderator wants of the lab.
function order(name, content = {}) {
  notice("");
  link.send("order", { name, ...content });
}

// Into the room and out of it.

async function join(speaks) {
  notice("");
  at("join-talk").disabled = at("join-listen").disabled = true; // one click is enough
  const name = at("name").value.trim();
  try {
    const track = speaks ? await openMicrophone({ clean: at("clean").checked }) : silentTrack();
    track.onended = () => leaveRoom("Your microphone is gone.");
    stay = { name, track, speaks, muted: !speaks, call: null };
  } catch (error) {
    notice(error.message);
    return;
  } finally {
    at("join-talk").disabled = at("join-listen").disabled = !link.isOpen;
  }
  localStorage.setItem("name", name);
  at("join").hidden = true;
  at("call").hidden = false;
  at("mute").disabled = !speaks;
  showMuted();
  at("leave").focus();
  if (link.isOpen) enter(); // else as soon as it is
}

function enter() {
  notice("");
  stay.call?.close();
  stay.call = new Call(stay.track, {
    place: at("sounds"),
    answer: (id, sdp) => link.send("answer", { id, sdp }),
    changed: connectionChanged,
  });
  connectionChanged("connecting");
  link.send("join", { name: stay.name, muted: stay.muted });
}

async function answer(offer) {
  you = offer.you;
  const { call } = stay;
  try {
    await call.offered(offer);
  } catch (error) {
    if (stay?.call === call) notice(`The bridge's offer cannot be answered: ${error.message}`);
  }
}

function leaveRoom(why = "") {
  link.send("leave");
  leave(why);
}

function leave(why = "") {
  stay?.call?.close();
  stay?.track.stop();
  stay = you = null;
  at("join").hidden = false;
  at("call").hidden = true;
  notice(why);
}

function interrupt(why) {
  stay.call?.close();
  stay.call = you = null;
  connectionChanged("disconnected");
  notice(why);
}

// What one sees of one's own.

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)
  ? " Firefox sends nothing to 127.0.0.1, Chromium not without a network: start the lab with " +
    "--host and this machine's address."
  : "";

const STATES = {
  connected: ["up", (name) => (stay.speaks ? `You are in the room as ${name}` : `You are listening as ${name}`)],
  failed: ["down", () => `No audio: the bridge's UDP port cannot be reached from here.${LOOPBACK}`],
  disconnected: ["down", () => "No audio at the moment"],
};

function connectionChanged(state) {
  if (!stay) return;
  const [look, words] = STATES[state] ?? ["", () => "Connecting to the bridge…"];
  at("call").querySelector(".dot").className = `dot ${look}`;
  at("call-state").textContent = words(stay.name);
}

function setMuted(muted, why = "") {
  stay.muted = muted;
  showMuted();
  link.send("mute", { muted });
  notice(why);
}

function showMuted() {
  const { muted, track } = stay;
  track.enabled = !muted;
  const button = at("mute");
  button.setAttribute("aria-pressed", muted);
  button.querySelector("use").setAttribute("href", muted ? "#icon-mic-off" : "#icon-mic");
  button.querySelector("span").textContent = muted ? "Unmute" : "Mute";
}

function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

at("join").addEventListener("submit", (event) => {
  event.preventDefault();
  join(event.submitter !== at("join-listen"));
});
at("mute").addEventListener("click", () => setMuted(!stay.muted));
at("leave").addEventListener("click", () => leaveRoom());
at("copy").addEventListener("click", async () => {
  const { textContent } = at("dial-address");
  try {
    await navigator.clipboard.writeText(textContent);
    at("copy").textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(at("dial-address"));
  }
  setTimeout(() => (at("copy").textContent = "Copy"), 2000);
});
at("name").value = localStorage.getItem("name") ?? "";
