"""Audio codecs: int16 mono frames in, payloads out, and back. Knows no RTP, no call and no IO.

The folder is `codecs/`; the package has a name of its own because the standard library's `codecs`
is loaded before any program and cannot be replaced.
"""
