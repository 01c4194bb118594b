// Phones that are called from here: a number, what becomes of it, keys to press, an end.

const KEYS = [..."123456789*0#"];

export class Phones {
  // `order(name, content)` tells the lab what is to be done.
  constructor(card, order) {
    this.order = order;
    this.form = card.querySelector("form");
    this.list = card.querySelector("ul");
    this.rows = new Map(); // by id
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      order("dial", { text: this.form.number.value.trim() });
    });
  }

  show(phones) {
    for (const [id, row] of this.rows) {
      if (phones.some((phone) => phone.id === id)) continue;
      row.remove();
      this.rows.delete(id);
    }
    for (const phone of phones) {
      if (!this.rows.has(phone.id)) this.add(phone);
      const row = this.rows.get(phone.id);
      const status = row.querySelector(".status");
      if (status.textContent !== phone.status) status.textContent = phone.status;
      row.title = phone.reference ?? "";
      row.querySelector(".hang-up").hidden = !phone.active;
      row.querySelector(".keys").hidden = !phone.keys;
    }
  }

  add({ id, number }) {
    const row = document.createElement("li");
    row.innerHTML = `<span class="number"></span> <span class="status" role="status"></span>
      <button class="hang-up danger" type="button">Hang up</button>
      <details class="keys" hidden><summary>Keys</summary><div class="buttons"></div></details>`;
    row.querySelector(".number").textContent = number;
    row.querySelector(".hang-up").addEventListener("click", () => this.order("hang-up", { text: id }));
    row.querySelector(".buttons").append(
      ...KEYS.map((key) => {
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: key });
        button.addEventListener("click", () => this.order("press", { nick: id, text: key }));
        return button;
      }),
    );
    this.rows.set(id, row);
    this.list.append(row);
  }
}
