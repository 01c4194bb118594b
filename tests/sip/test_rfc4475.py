"""Messages of RFC 4475, "SIP Torture Test Messages", and what becomes of them here.

The headers are those of the RFC, with its name for each; all bodies are that of the first, and the
stated length is made to fit where it is not what the message is about.
"""

import pytest

from gateway.sip.message import Request, check, parse_message
from tests.sip.wire import Bench


def crlf(text: str) -> bytes:
    return text.lstrip("\n").replace("\n", "\r\n").encode()


SDP = """
v=0
o=mhandley 29739 7272939 IN IP4 192.0.2.3
s=-
c=IN IP4 192.0.2.4
t=0 0
m=audio 49217 RTP/AVP 0 12
m=video 3227 RTP/AVP 31
a=rtpmap:31 LPC
"""

WSINV = crlf(  # 3.1.1.1 A Short Tortuous INVITE
    r"""
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 150
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33
"""
    + SDP
)

ESC01 = crlf(  # 3.1.1.3 Valid Use of the % Escaping Mechanism
    """
INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact:
  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: 150
"""
    + SDP
)

ESCNULL = crlf(  # 3.1.1.4 Escaped Nulls in URIs
    """
REGISTER sip:example.com SIP/2.0
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>
L:0

"""
)

ESC02 = crlf(  # 3.1.1.5 Use of % When It Is Not an Escape
    """
RE%47IST%45R sip:registrar.example.com SIP/2.0
To: "%Z%45" <sip:resource@example.com>
From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Contact: <sip:alias1@host1.example.com>
C%6Fntact: <sip:alias2@host2.example.com>
Contact: <sip:alias3@host3.example.com>
l: 0

"""
)

LWSDISP = crlf(  # 3.1.1.6 Message with No LWS between Display Name and <
    """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw
l: 0

"""
)

DBLREQ = crlf(  # 3.1.1.8 Extra Trailing Octets in a UDP Datagram
    """
REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=43251j3j324
Max-Forwards: 8
I: dblreq.0ha0isndaksdj99sdfafnl3lk233412
Contact: sip:j.user@host.example.com
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492
Content-Length: 0

INVITE sip:joe@example.com SIP/2.0
t: sip:joe@example.com
From: sip:caller@example.net;tag=141334
Max-Forwards: 8
Call-ID: dblreq.0ha0isnda977644900765@192.0.2.15
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234
Content-Type: application/sdp
Content-Length: 150
"""
    + SDP
)

SEMIURI = crlf(  # 3.1.1.9 Semicolon-Separated Parameters in URI User Part
    """
OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Call-ID: semiuri.0ha0isndaksdj
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime,
        multipart/mixed, multipart/signed,
        message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw
l: 0

"""
)

TRANSPORTS = crlf(  # 3.1.1.10 Varied and Unknown Transport Types
    """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID:  transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee
l: 0

"""
)

UNREASON = crlf(  # 3.1.1.12 Unusual Reason Phrase
    """
SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Call-ID: unreason.1234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 0
Contact: <sip:user@host198.example.com>

"""
)

BADINV01 = crlf(  # 3.1.2.1 Extraneous Header Field Separators
    """
INVITE sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=134161461246
Max-Forwards: 7
Call-ID: badinv01.0ha0isndaksdjasdf3234nas
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;;,;,,
Contact: "Joe" <sip:joe@example.org>;;;;
Content-Length: 150
Content-Type: application/sdp
"""
    + SDP
)

CLERR = crlf(  # 3.1.2.2 Content Length Larger Than Message
    """
INVITE sip:user@example.com SIP/2.0
Max-Forwards: 80
To: sip:j.user@example.com
From: sip:caller@example.net;tag=93942939o2
Contact: <sip:caller@hungry.example.net>
Call-ID: clerr.0ha0isndaksdjweiafasdk3
CSeq: 8 INVITE
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bK-39234-23523
Content-Type: application/sdp
Content-Length: 9999
"""
    + SDP
)

BIGCODE = crlf(  # 3.1.2.19 Response with Overlarge Response Code
    """
SIP/2.0 4294967301 better not break the receiver
Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe
Call-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i
CSeq: 353494 INVITE
From: <sip:user@example.com>;tag=39ansfi3
To: <sip:user@example.edu>;tag=902jndnke3
Content-Length: 0
Contact: <sip:user@host105.example.com>

"""
)

ESCRURI = crlf(  # 3.1.2.11 Escaped Headers in SIP Request-URI
    """
INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=341518
Max-Forwards: 7
Contact: <sip:caller@host39923.example.net>
Call-ID: escruri.23940-asdfhj-aje3br-234q098w-fawerh2q-h4n5
CSeq: 149209342 INVITE
Via: SIP/2.0/UDP host-of-the-hour.example.com;branch=z9hG4bKkdjuw
Content-Type: application/sdp
Content-Length: 150
"""
    + SDP
)

BADVERS = crlf(  # 3.1.2.16 Unknown Protocol Version
    """
OPTIONS sip:t.watson@example.org SIP/7.0
Via:     SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw
Max-Forwards:     70
From:    A. Bell <sip:a.g.bell@example.com>;tag=qweoiqpe
To:      T. Watson <sip:t.watson@example.org>
Call-ID: badvers.31417@c.example.com
CSeq:    1 OPTIONS
l: 0

"""
)

BADBRANCH = crlf(  # 3.2.1 Missing Transaction Identifier
    """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK
Accept: application/sdp
Call-ID: badbranch.sadonfo23i420jv0as0derf3j3n
CSeq: 8 OPTIONS
l: 0

"""
)

INSUF = crlf(  # 3.3.1 Missing Required Header Fields
    """
INVITE sip:user@example.com SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf
Content-Type: application/sdp
l: 150
"""
    + SDP
)

BEXT01 = crlf(  # 3.3 Proxy-Require and Require
    """
OPTIONS sip:user@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.net;tag=242etr
Max-Forwards: 6
Call-ID: bext01.0ha0isndaksdj
Require: nothingSupportsThis, nothingSupportsThisEither
Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis
CSeq: 8 OPTIONS
Via: SIP/2.0/TLS fold-and-staple.example.com;branch=z9hG4bKkdjuw
Content-Length: 0

"""
)

INVUT = crlf(  # 3.3 Unknown Content-Type
    """
INVITE sip:user@example.com SIP/2.0
Contact: <sip:caller@host5.example.net>
To: sip:j.user@example.com
From: sip:caller@example.net;tag=8392034
Max-Forwards: 70
Call-ID: invut.0ha0isndaksdjadsfij34n23d
CSeq: 235448 INVITE
Via: SIP/2.0/UDP somehost.example.com;branch=z9hG4bKkdjuw
Content-Type: application/unknownformat
Content-Length: 40

<audio>
 <pcmu port="443"/>
</audio>
"""
)


def test_a_short_tortuous_invite_is_understood_to_the_last_parameter() -> None:
    message = parse_message(WSINV)
    check(message)
    assert isinstance(message, Request)
    headers = message.headers
    assert headers.to.tag == "1918181833n"
    assert (headers.from_.display_name, headers.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert headers.max_forwards == 68
    assert (headers.cseq.sequence, headers.cseq.method) == (9, "INVITE")
    assert (headers.via.host, headers.via.parameters["branch"]) == ("192.0.2.2", "390skdjuw")
    assert len(headers.values("Via")) == 3
    assert headers["Subject"] == ""
    assert headers["NewFangledHeader"] == "newfangled value continued newfangled value"
    assert headers.contact is not None
    assert headers.contact.display_name == 'Quoted string ""'
    assert dict(headers.contact.parameters) == {
        "newparam": "newvalue",
        "secondparam": None,
        "q": "0.33",
    }
    assert len(message.body) == 150


def test_escapes_are_decoded_where_they_are_escapes() -> None:
    message = parse_message(ESC01)
    check(message)
    assert message.headers.to.user == "user"
    assert message.headers.from_.user == "I have spaces"
    assert message.headers.contact is not None
    assert message.headers.contact.user == "caller"
    nulls = parse_message(ESCNULL)
    check(nulls)
    assert nulls.headers.to.user == "null-\0-null"


def test_percent_is_not_an_escape_in_a_method_or_a_name() -> None:
    message = parse_message(ESC02)
    check(message)
    assert isinstance(message, Request)
    assert message.method == "RE%47IST%45R"
    assert message.headers.to.display_name == "%Z%45"
    assert len(message.headers.values("Contact")) == 2


def test_an_unusual_reason_phrase_is_kept() -> None:
    message = parse_message(UNREASON)
    check(message)
    assert "простое" in message.serialize().decode()


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (WSINV, [481]),  # its To tag names a dialog that is not here
        (ESC01, [100]),
        (ESCNULL, [405]),
        (ESC02, [501]),
        (LWSDISP, [200]),
        (DBLREQ, [405]),  # what follows the REGISTER is ignored
        (SEMIURI, [200]),
        (TRANSPORTS, [200]),
        (UNREASON, []),
        (BADINV01, [100]),  # the RFC wants 400; separators with nothing between are tolerated
        (CLERR, [400]),
        (BIGCODE, []),
        (ESCRURI, [100]),  # the RFC allows to ignore the escaped headers
        (BADVERS, [505]),
        (BADBRANCH, [200]),
        (INSUF, [400]),
        (BEXT01, [420]),
        (INVUT, [100, 415]),
    ],
)
def test_each_gets_the_answer_it_should(data: bytes, statuses: list[int]) -> None:
    bench = Bench()
    bench.receive(data)
    assert bench.statuses() == statuses


@pytest.mark.parametrize(
    ("data", "phrase"),
    [
        (CLERR, "Content-Length exceeds the body"),
        (INSUF, "Missing From"),
        (BADVERS, "Version Not Supported"),
    ],
)
def test_the_fault_is_named(data: bytes, phrase: str) -> None:
    bench = Bench()
    bench.receive(data)
    assert bench.the_response().phrase == phrase
