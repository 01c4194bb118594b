// What a moderator does to the room, and the troubles the lab can make.

const SWITCHES = {
  lobby: (state) => state.lobby,
  moderation: (state) => state.moderated,
  record: (state) => state.recording === "on" || state.recording === "pending",
};

export class Moderate {
  // `order(name, content)` tells the lab; `card` has the elements.
  constructor(card, order) {
    this.card = card;
    this.order = order;
    this.troubles = [];
    for (const button of this.switches) {
      button.addEventListener("click", () => {
        order(button.dataset.order, { on: button.getAttribute("aria-pressed") !== "true" });
      });
    }
    this.at("password").addEventListener("submit", (event) => {
      event.preventDefault();
      order("password", { text: this.at("secret").value.trim() });
      this.at("secret").value = "";
    });
    this.at("trouble").addEventListener("submit", (event) => {
      event.preventDefault();
      const nick = this.at("whom").value;
      order(this.at("kind").value, this.chosen?.to ? { nick } : {});
    });
    this.at("kind").addEventListener("change", () => this.askWhom());
    this.at("close-breakouts").addEventListener("click", () => order("close-breakouts"));
    this.at("end").addEventListener("click", () => {
      if (confirm("End the meeting for everyone?")) order("end");
    });
  }

  at(id) {
    return this.card.querySelector(`#${id}`);
  }

  get switches() {
    return this.card.querySelectorAll(".switch");
  }

  get chosen() {
    return this.troubles.find(({ name }) => name === this.at("kind").value);
  }

  // What the lab can do: on a server that is not its own, little.
  offer(own, troubles) {
    this.troubles = troubles;
    this.at("kind").replaceChildren(...troubles.map(({ name, words }) => new Option(words, name)));
    this.at("trouble").hidden = troubles.length === 0;
    for (const button of this.switches) button.hidden = !own && button.dataset.order !== "record";
    this.askWhom();
  }

  show(occupants, state) {
    const { lobby, recording, password, knocking = [], breakouts = [] } = state;
    for (const button of this.switches) {
      button.setAttribute("aria-pressed", Boolean(SWITCHES[button.dataset.order](state)));
      button.disabled = occupants.length === 0 && lobby === undefined;
      if (button.dataset.order === "record") {
        button.textContent = recording === "pending" ? "Recording begins…" : "Recording";
      }
    }
    this.at("secret").placeholder = password ? "Password is set; empty clears it" : "Password of the room";
    this.list("knocking", "guests", knocking, [["admit", "Let in"], ["deny", "Send away"]]);
    const people = breakouts.flatMap((breakout) => breakout.people);
    this.list("breakout", "away", people, [["send-back", "Send back"]]);
    this.fill("whom", occupants);
  }

  // Lines of people with buttons; nothing is touched that has not changed.
  list(id, section, people, choices) {
    const list = this.at(id);
    const shown = people.map(({ nick, name }) => `${nick} ${name}`).join("|");
    if (list.dataset.shown === shown) return;
    list.dataset.shown = shown;
    this.at(section).hidden = people.length === 0;
    list.replaceChildren(
      ...people.map(({ nick, name }) => {
        const line = document.createElement("li");
        line.append(Object.assign(document.createElement("span"), { textContent: name }));
        for (const [order, words] of choices) {
          const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
          button.addEventListener("click", () => this.order(order, { nick }));
          line.append(button);
        }
        return line;
      }),
    );
  }

  fill(id, occupants) {
    const select = this.at(id);
    const shown = occupants.map(({ nick, name }) => `${nick} ${name}`).join("|");
    if (select.dataset.shown === shown) return;
    select.dataset.shown = shown;
    const { value } = select;
    select.replaceChildren(...occupants.map(({ nick, name }) => new Option(name, nick)));
    if (occupants.some(({ nick }) => nick === value)) select.value = value;
  }

  askWhom() {
    this.at("whom").hidden = !this.chosen?.to;
  }
}
