// The timeline of steps: the newest is last, and in sight unless somebody reads further up.

const MOST = 500;
const NAMES = { lab: "conference" };
const GUEST = /([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}@[^\s:]+/g; // a JID: its start is the endpoint

export class Story {
  constructor({ list, empty, filter }) {
    this.list = list;
    this.empty = empty;
    this.follows = true; // until somebody scrolls up
    filter.addEventListener("change", (event) => {
      list.dataset.only = event.target.value;
      this.toEnd();
    });
    list.addEventListener("scroll", () => {
      this.follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    });
    new ResizeObserver(() => this.follows && this.toEnd()).observe(list);
  }

  restart(steps) {
    this.list.replaceChildren(...steps.map(row));
    this.empty.hidden = steps.length > 0;
    this.toEnd();
  }

  add(step) {
    const { list, follows } = this;
    list.append(row(step));
    while (list.children.length > MOST) list.firstChild.remove();
    this.empty.hidden = true;
    if (follows) this.toEnd();
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
  }
}

function row({ at, who, what }) {
  const item = document.createElement("li");
  item.dataset.who = who;
  item.classList.toggle("bad", /<- SIP\/2\.0 [456]/.test(what));
  const [time, by, text] = ["time", "b", "span"].map((name) => document.createElement(name));
  time.textContent = `${at.toFixed(3)} s`;
  by.textContent = NAMES[who] ?? who;
  text.textContent = what.replace(/ -> /, " → ").replace(/ <- /, " ← ").replace(GUEST, "$1");
  text.title = what;
  item.append(time, by, text);
  return item;
}
