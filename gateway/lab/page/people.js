// The list of who is in the room, and how loud each is.

const KINDS = { phone: "phone", browser: "browser", speaker: "lab speaker" };
const QUIETEST = 60; // dB below full scale: what is softer than this shows nothing
const SPEAKING = 45;
const HOLD = 500; // ms somebody counts as speaking after the last loud sound: words have gaps

export class People {
  // `order(name, nick)` tells the lab what is to be done to somebody.
  constructor({ list, count, nobody, order }) {
    this.order = order;
    this.list = list;
    this.count = count;
    this.nobody = nobody;
    this.rows = new Map(); // by nick
  }

  // The lab is gone, and with it all that is known.
  forget() {
    this.show([], {}, null);
    this.nobody.textContent = "Not known while the lab is gone.";
  }

  // `you` is one's own nick, if one is in the room.
  show(occupants, levels, you, state = {}) {
    for (const [nick, row] of this.rows) {
      if (!occupants.some((occupant) => occupant.nick === nick)) {
        row.remove();
        this.rows.delete(nick);
      }
    }
    for (const occupant of occupants) {
      if (!this.rows.has(occupant.nick)) this.add(occupant);
      this.update(this.rows.get(occupant.nick), occupant, levels[occupant.nick], you, state);
    }
    this.count.textContent = occupants.length;
    this.nobody.textContent = "Nobody is here yet.";
    this.nobody.hidden = occupants.length > 0;
  }

  add({ nick, name, kind }) {
    const row = document.createElement("li");
    row.className = "person";
    row.dataset.nick = nick;
    row.dataset.kind = kind;
    row.innerHTML = `<span class="face" aria-hidden="true"></span><span class="who"></span>
      <span class="flags"></span><span class="meter" aria-hidden="true"><i></i></span>
      <details class="menu"><summary aria-label="What a moderator can do">⋯</summary><div class="buttons"></div></details>`;
    const face = row.querySelector(".face");
    if (kind === "phone") face.innerHTML = '<svg><use href="#icon-phone"/></svg>';
    else face.textContent = [...name][0].toUpperCase();
    this.rows.set(nick, row);
    this.list.append(row);
  }

  update(row, { nick, name, kind, muted, connected, moderator, hand }, level, you, state) {
    const now = performance.now();
    if (level !== undefined && level < SPEAKING && !muted) row.loudAt = now;
    const speaking = now - (row.loudAt ?? -Infinity) < HOLD;
    const loud = level === undefined ? 0 : Math.max(0, (100 * (QUIETEST - level)) / (QUIETEST - 6));
    row.querySelector(".meter i").style.setProperty("--loud", Math.min(100, loud).toFixed(0));
    row.classList.toggle("speaking", speaking);
    const about = `${nick === you ? "you" : KINDS[kind]}${moderator ? ", moderator" : ""} · ${nick}`;
    const flags = (connected ? "" : "connecting…") || (muted ? "muted" : speaking ? "speaking" : "");
    const choices = menuOf({ muted, moderator }, state.approved?.includes(nick), state);
    const shown = `${name}|${about}|${flags}|${hand}|${choices.map(([order]) => order)}`;
    if (row.shown === shown) return; // ten times a second: leave alone what has not changed
    row.shown = shown;
    const who = row.querySelector(".who");
    who.textContent = `${name} `;
    who.title = who.textContent + about;
    who.append(Object.assign(document.createElement("small"), { textContent: about }));
    const place = row.querySelector(".flags");
    const icon = hand ? "hand" : flags === "muted" ? "mic-off" : "";
    place.innerHTML = icon && `<svg aria-hidden="true"><use href="#icon-${icon}"/></svg>`;
    place.classList.toggle("asks", hand);
    const text = document.createElement("span");
    text.textContent = hand ? "hand raised" : flags;
    text.classList.toggle("talks", flags === "speaking");
    place.append(text);
    const buttons = choices.map(([order, words]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
      button.addEventListener("click", () => {
        this.order(order, nick);
        row.querySelector(".menu").open = false;
      });
      return button;
    });
    row.querySelector(".menu .buttons").replaceChildren(...buttons);
  }
}

// What a moderator can do to somebody now: orders, and words for them.
function menuOf({ muted, moderator }, approved, { moderated, lobby }) {
  const ours = lobby !== undefined; // else the server is not the lab's own
  const choices = [];
  if (!muted) choices.push(["mute", "Mute"]);
  if (ours && moderated && approved) choices.push(["reject", "Let speak no longer"]);
  else if (ours && moderated && !moderator) choices.push(["approve", "Let speak"]);
  else if (ours && muted) choices.push(["approve", "Ask to unmute"]);
  if (ours) choices.push(["send-away", "To the breakout room"], ["disconnect", "Cut the connection"]);
  choices.push(["kick", "Remove"]);
  return choices;
}
