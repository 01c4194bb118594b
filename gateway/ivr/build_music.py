"""`python -m gateway.ivr.build_music`: the music for who waits, as a file beside the prompts."""

import sys

from audiocodecs.audio_files import encode
from audiocodecs.loop import with_seam
from gateway.ivr.texts import PACKS
from gateway.ivr.waiting_music import RATE, composed

FILE = PACKS / "music.opus"

_BITRATE = 32_000  # more than speech needs, since it is heard for minutes


def main() -> None:
    """Write it, if it is not there as it should be already."""
    made = performed()
    if not FILE.exists() or FILE.read_bytes() != made:
        FILE.write_bytes(made)
        sys.stdout.write(f"{FILE.name}: made\n")


def performed() -> bytes:
    """The file; the same code gives the same octets."""
    return encode(with_seam(composed(), RATE), RATE, bitrate=_BITRATE, application="audio")


if __name__ == "__main__":
    main()
