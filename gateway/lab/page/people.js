// The list of who is in the room, and how loud each is.

const KINDS = { phone: "phone", browser: "browser", speaker: "lab speaker" };
const QUIETEST = 60; // dB below full scale: what is softer than this shows nothing
const SPEAKING = 45;
const HOLD = 500; // ms somebody counts as speaking after the last loud sound: words have gaps

export class People {
  constructor({ list, count, nobody }) {
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
  show(occupants, levels, you) {
    for (const [nick, row] of this.rows) {
      if (!occupants.some((occupant) => occupant.nick === nick)) {
        row.remove();
        this.rows.delete(nick);
      }
    }
    for (const occupant of occupants) {
      if (!this.rows.has(occupant.nick)) this.add(occupant);
      this.update(this.rows.get(occupant.nick), occupant, levels[occupant.nick], you);
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
      <span class="flags"></span><span class="meter" aria-hidden="true"><i></i></span>`;
    const face = row.querySelector(".face");
    if (kind === "phone") face.innerHTML = '<svg><use href="#icon-phone"/></svg>';
    else face.textContent = [...name][0].toUpperCase();
    this.rows.set(nick, row);
    this.list.append(row);
  }

  update(row, { nick, name, kind, muted, connected }, level, you) {
    const now = performance.now();
    if (level !== undefined && level < SPEAKING && !muted) row.loudAt = now;
    const speaking = now - (row.loudAt ?? -Infinity) < HOLD;
    const loud = level === undefined ? 0 : Math.max(0, (100 * (QUIETEST - level)) / (QUIETEST - 6));
    row.querySelector(".meter i").style.setProperty("--loud", Math.min(100, loud).toFixed(0));
    row.classList.toggle("speaking", speaking);
    const about = `${nick === you ? "you" : KINDS[kind]} · ${nick}`;
    const flags = (connected ? "" : "connecting…") || (muted ? "muted" : speaking ? "speaking" : "");
    const shown = `${name}|${about}|${flags}`;
    if (row.shown === shown) return; // ten times a second: leave alone what has not changed
    row.shown = shown;
    const who = row.querySelector(".who");
    who.textContent = `${name} `;
    who.title = who.textContent + about;
    who.append(Object.assign(document.createElement("small"), { textContent: about }));
    const place = row.querySelector(".flags");
    place.innerHTML = flags === "muted" ? '<svg aria-hidden="true"><use href="#icon-mic-off"/></svg>' : "";
    const text = document.createElement("span");
    text.textContent = flags;
    text.classList.toggle("talks", flags === "speaking");
    place.append(text);
  }
}
