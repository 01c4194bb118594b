// The WebRTC side: a microphone, a connection to the bridge, and a sound for each of the others.

const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

// The microphone's track, or a silent one for who only listens. Throws words a person understands.
export async function openMicrophone({ clean }) {
  if (!navigator.mediaDevices) {
    throw new Error(
      "This browser gives no microphone to this page: open it over HTTPS, or on localhost.",
    );
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: clean ? true : PLAIN });
    return stream.getAudioTracks()[0];
  } catch (error) {
    throw new Error(WHY_NO_MICROPHONE[error.name] ?? `No microphone: ${error.message}`);
  }
}

const WHY_NO_MICROPHONE = {
  NotAllowedError: "The microphone was not allowed. Allow it beside the page's address, or just listen.",
  NotFoundError: "There is no microphone on this machine. You can just listen.",
  NotReadableError: "Another program holds the microphone. Close it, or just listen.",
};

let silence = null;

export function silentTrack() {
  silence ??= new AudioContext();
  return silence.createMediaStreamDestination().stream.getAudioTracks()[0];
}

export class Call {
  // `answer(id, sdp)` takes what the bridge is to get, `changed(state)` that of the connection.
  // Sounds are played by elements in `place`.
  constructor(track, { place, answer, changed }) {
    this.place = place;
    this.answer = answer;
    this.track = track;
    this.connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.connection.addTrack(track, new MediaStream([track]));
    this.connection.ontrack = ({ track, transceiver }) => this.play(track, transceiver.mid);
    this.connection.onconnectionstatechange = () => changed(this.connection.connectionState);
  }

  // The bridge needs no candidates of ours (it learns them from the checks): no waiting for them.
  async offered({ id, sdp, owners }) {
    const connection = this.connection;
    await connection.setRemoteDescription({ type: "offer", sdp });
    await connection.setLocalDescription();
    if (connection.signalingState === "closed") return; // left meanwhile
    for (const element of this.place.children) element.dataset.nick = owners[element.dataset.mid] ?? "";
    this.answer(id, connection.localDescription.sdp);
  }

  // One element for each section of the offer: the next source of the section is heard by it too.
  play(track, mid) {
    let element = this.place.querySelector(`[data-mid="${mid}"]`);
    if (!element) {
      element = document.createElement("audio");
      element.dataset.mid = mid;
      element.autoplay = true;
      this.place.append(element);
    }
    element.srcObject = new MediaStream([track]);
  }

  close() {
    this.connection.onconnectionstatechange = null;
    this.connection.close();
    this.place.replaceChildren();
  }
}
