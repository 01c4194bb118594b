// The WebSocket to the lab: says where it stands, and comes back by itself when it has dropped.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8000;

export class Link {
  // `told(message)` gets what the lab says, `changed(state)` "open" or "lost".
  constructor(told, changed) {
    this.told = told;
    this.changed = changed;
    this.pause = FIRST_PAUSE;
    this.open();
  }

  open() {
    const url = new URL("socket", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(url);
    this.socket.onopen = () => {
      this.pause = FIRST_PAUSE;
      this.changed("open");
    };
    this.socket.onmessage = (event) => this.told(JSON.parse(event.data));
    this.socket.onclose = () => {
      this.changed("lost");
      setTimeout(() => this.open(), this.pause);
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
    };
  }

  get isOpen() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  send(type, content = {}) {
    if (this.isOpen) this.socket.send(JSON.stringify({ type, ...content }));
  }
}
