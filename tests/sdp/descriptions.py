"""Session descriptions as phones, PBXs and trunks write them; addresses are documentation's."""


def lines(text: str, end: str = "\r\n") -> bytes:
    """A description from an indented text, each line ended by `end`."""
    return "".join(line.strip() + end for line in text.strip().splitlines()).encode()


ASTERISK = lines("""
    v=0
    o=- 1718963712 1718963712 IN IP4 192.0.2.10
    s=Asterisk
    c=IN IP4 192.0.2.10
    t=0 0
    m=audio 14326 RTP/AVP 107 0 8 9 101
    a=rtpmap:107 opus/48000/2
    a=fmtp:107 useinbandfec=1
    a=rtpmap:0 PCMU/8000
    a=rtpmap:8 PCMA/8000
    a=rtpmap:9 G722/8000
    a=rtpmap:101 telephone-event/8000
    a=fmtp:101 0-16
    a=ptime:20
    a=maxptime:140
    a=sendrecv
""")

# Static payload types go without a=rtpmap; comfort noise is offered.
FREESWITCH = lines("""
    v=0
    o=FreeSWITCH 1718940000 1718940001 IN IP4 198.51.100.7
    s=FreeSWITCH
    c=IN IP4 198.51.100.7
    t=0 0
    m=audio 23010 RTP/AVP 8 0 101 13
    a=rtpmap:101 telephone-event/8000
    a=fmtp:101 0-15
    a=ptime:20
""")

# G.729 before G.711, and media at another address.
CISCO = lines("""
    v=0
    o=CiscoSystemsSIP-GW-UserAgent 3147 8423 IN IP4 203.0.113.4
    s=SIP Call
    c=IN IP4 203.0.113.4
    t=0 0
    m=audio 17388 RTP/AVP 18 0 98 19
    c=IN IP4 203.0.113.5
    a=rtpmap:18 G729/8000
    a=fmtp:18 annexb=no
    a=rtpmap:0 PCMU/8000
    a=rtpmap:98 Telephone-Event/8000
    a=fmtp:98 0-16
    a=rtpmap:19 CN/8000
    a=ptime:20
    a=sendrecv
""")

# Wide-band first, feedback, telephone-event at two clock rates, video last.
LINPHONE = lines("""
    v=0
    o=alice 3405 1527 IN IP6 2001:db8::5
    s=Talk
    c=IN IP6 2001:db8::5
    t=0 0
    a=ice-pwd:31ec21eb38b2ec6d36e8dc7b
    a=ice-ufrag:5e6f7a8b
    a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
    a=record:off
    m=audio 7078 RTP/AVPF 96 97 98 0 8 18 101 99 100
    a=rtpmap:96 opus/48000/2
    a=fmtp:96 useinbandfec=1
    a=rtpmap:97 speex/16000
    a=fmtp:97 vbr=on
    a=rtpmap:98 speex/8000
    a=fmtp:98 vbr=on
    a=fmtp:18 annexb=yes
    a=rtpmap:101 telephone-event/48000
    a=rtpmap:99 telephone-event/16000
    a=rtpmap:100 telephone-event/8000
    a=rtcp:7079 IN IP6 2001:db8::6
    a=rtcp-fb:* trr-int 5000
    m=video 9078 RTP/AVPF 96
    a=rtpmap:96 VP8/90000
    a=rtcp-fb:* ccm fir
""")

# The built-in scenario "uac" of SIPp.
SIPP = lines("""
    v=0
    o=user1 53655765 2353687637 IN IP4 127.0.1.1
    s=-
    c=IN IP4 127.0.1.1
    t=0 0
    m=audio 6000 RTP/AVP 0
    a=rtpmap:0 PCMU/8000
""")

# A conference phone puts its video and its slides before its audio, and a fax after it.
VIDEO_FIRST = lines("""
    v=0
    o=- 20519 0 IN IP4 203.0.113.1
    s=-
    b=AS:384
    t=2873397496 2873404696
    m=video 53000 RTP/AVP 31 99
    c=IN IP4 203.0.113.2
    a=rtpmap:99 h264/90000
    a=sendrecv
    m=application 5000 TCP/TLS/BFCP *
    c=IN IP4 203.0.113.2
    a=floorctrl:c-s
    m=audio 49120 RTP/SAVP 0
    c=IN IP4 203.0.113.3
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0
    m=audio 49130 RTP/AVP 97 8
    c=IN IP4 203.0.113.3
    a=rtpmap:97 iLBC/8000
    a=sendonly
    m=audio 49140 RTP/AVP 8
    c=IN IP4 203.0.113.3
    m=image 4000 udptl t38
    c=IN IP4 203.0.113.3
""")

# What a trunk sends to put a call on hold as RFC 2543 had it.
OLD_HOLD = lines("""
    v=0
    o=sbc 7 9 IN IP4 192.0.2.1
    s=hold
    c=IN IP4 0.0.0.0
    t=0 0
    m=audio 30000 RTP/AVP 8 101
    a=rtpmap:101 telephone-event/8000
""")

ALL = {
    "Asterisk": ASTERISK,
    "FreeSWITCH": FREESWITCH,
    "Cisco": CISCO,
    "Linphone": LINPHONE,
    "SIPp": SIPP,
    "video first": VIDEO_FIRST,
    "old hold": OLD_HOLD,
}
