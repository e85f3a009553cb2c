"""WS-Management over MIT's GSSAPI: Kerberos and gss-ntlmssp make and judge every
token and every sealed message, this program only carries them.

usage: gssapi_peer.py serve [--certificate PEM --key PEM [--bound-to PEM]] [--clear | --tamper | --unproven]
       gssapi_peer.py ask [options] URL
       gssapi_peer.py question [--namespace NAMESPACE] [--wql WQL]

serve prints its URL, then a line for each sign-in, refusal and sealed request.
It answers an Enumerate with one instance that says who has signed in, sealed
over http, and over https only to sign-ins that are bound to its certificate. ask
signs in and prints what the server answers to an Enumerate; question only prints
that. Other options make either do what the other side must not put up with. The keys and passwords come from where the
mechanisms look for them: KRB5_KTNAME, KRB5CCNAME, NTLM_USER_FILE.
"""

import argparse
import base64
import hashlib
import http.client
import http.server
import re
import ssl
import struct
import sys
import urllib.parse
import uuid
from xml.sax.saxutils import escape

import gssapi
from gssapi.raw import ChannelBindings

MECHANISMS = {
    "kerberos": gssapi.OID.from_int_seq("1.2.840.113554.1.2.2"),
    "ntlm": gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10"),
    "spnego": gssapi.OID.from_int_seq("1.3.6.1.5.5.2"),
}
LABELS = {
    "Kerberos": "application/HTTP-Kerberos-session-encrypted",
    "Negotiate": "application/HTTP-SPNEGO-session-encrypted",
}
# Where WinRM cuts a sealed token in two (MS-WSMV section 2.2.9.1).
HEADER_LENGTH = {MECHANISMS["kerberos"]: 60, MECHANISMS["ntlm"]: 16}

ANSWER = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"'
    ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
    ' xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Peer"><s:Header>'
    "<a:Action>http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse</a:Action>"
    "<a:RelatesTo>{id}</a:RelatesTo></s:Header><s:Body><n:EnumerateResponse><n:EnumerationContext/>"
    "<w:Items><p:Peer><p:User>{user}</p:User></p:Peer></w:Items><w:EndOfSequence/>"
    "</n:EnumerateResponse></s:Body></s:Envelope>"
)
QUESTION = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"'
    ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>'
    '<a:To>http://server/wsman</a:To><w:ResourceURI s:mustUnderstand="true">'
    "http://schemas.microsoft.com/wbem/wsman/1/wmi/{namespace}/*</w:ResourceURI><a:ReplyTo>"
    '<a:Address s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>'
    '<a:Action s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate</a:Action>'
    "<a:MessageID>uuid:{id}</a:MessageID><w:OperationTimeout>PT60S</w:OperationTimeout></s:Header><s:Body>"
    "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>100</w:MaxElements>"
    '<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">{wql}</w:Filter></n:Enumerate></s:Body></s:Envelope>'
)


# A refusal is to be raised by the step that it happens in.
gssapi.SecurityContext.__DEFER_STEP_ERRORS__ = False


def bindings(certificate, text="tls-server-end-point:"):
    """RFC 5929 section 4, for certificates that are signed with SHA-256."""
    return ChannelBindings(application_data=text.encode() + hashlib.sha256(certificate).digest())


def seal(context, label, message, tamper=False):
    token, encrypted = context.wrap(message, True)
    assert encrypted
    if tamper:
        token = token[:-1] + bytes([token[-1] ^ 1])
    cut = next(length for mechanism, length in HEADER_LENGTH.items() if mechanism == context.mech)
    body = (
        "--Encrypted Boundary\r\n\tContent-Type: {0}\r\n"
        "\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={1}\r\n"
        "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
    ).format(label, len(message)).encode()
    body += struct.pack("<I", cut) + token + b"--Encrypted Boundary--\r\n"
    return 'multipart/encrypted;protocol="%s";boundary="Encrypted Boundary"' % label, body


def unseal(context, label, content_type, body):
    if 'protocol="%s"' % label not in content_type or not content_type.startswith("multipart/encrypted;"):
        raise ValueError("not sealed, or not as %s: %r" % (label, content_type))
    start = b"\tContent-Type: application/octet-stream\r\n"
    head, rest = body.split(start, 1)
    end = b"--Encrypted Boundary--\r\n"
    if not rest.endswith(end) or label.encode() not in head:
        raise ValueError("the parts are not as they should be: %r" % head)
    cut = struct.unpack("<I", rest[:4])[0]
    token = rest[4 : -len(end)]
    if cut >= len(token):
        raise ValueError("a header of %d bytes" % cut)
    plain = context.unwrap(token)
    if not plain.encrypted:
        raise ValueError("signed only")
    if len(plain.message) != int(re.search(rb"Length=(\d+)", head).group(1)):
        raise ValueError("the length is wrong")
    return plain.message


class Service(http.server.BaseHTTPRequestHandler):
    """One TCP connection."""

    protocol_version = "HTTP/1.1"
    context, scheme, complete = None, None, False

    def user(self):
        return str(self.context.initiator_name).rstrip("\0")  # gss-ntlmssp counts the end of its string in

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if "Authorization" in self.headers:
            if not self.sign_in():
                return
            if not body:
                self.answer(200)
                return
        if not self.complete:
            self.answer(401)
            return
        try:
            self.serve(body)
        except (gssapi.exceptions.GSSError, ValueError, AttributeError) as e:
            print("refused: %s" % e, flush=True)
            self.answer(500)

    def sign_in(self):
        """Whether the sign-in is complete."""
        self.scheme, token = self.headers["Authorization"].split(" ", 1)
        if self.context is None or self.complete:
            self.context, self.complete = gssapi.SecurityContext(usage="accept", channel_bindings=self.server.bindings), False
        try:
            out = self.context.step(base64.b64decode(token))
        except gssapi.exceptions.GSSError as e:
            print("refused: %s" % " ".join(str(e).split()), flush=True)
            self.context = None
            self.offer(e.token)
            self.answer(401)
            return False
        self.offer(out)
        if not self.context.complete:
            self.answer(401)
            return False
        self.complete = True
        if self.server.unproven:
            self.offer(None)
        bound = self.context.actual_flags & 0x800 != 0  # GSS_C_CHANNEL_BOUND_FLAG
        print("signed in: %s by %s" % (self.user(), self.scheme) + (", bound" if bound else ""), flush=True)
        return True

    def serve(self, body):
        sealed = self.server.bindings is None
        if sealed:
            body = unseal(self.context, LABELS[self.scheme], self.headers["Content-Type"], body)
            print("unsealed %d bytes" % len(body), flush=True)
        message_id = re.search(rb"<[A-Za-z0-9:]*MessageID[^>]*>([^<]*)<", body).group(1).decode()
        answer = ANSWER.format(id=message_id, user=escape(self.user())).encode()
        if sealed and not self.server.clear:
            self.answer(200, *seal(self.context, LABELS[self.scheme], answer, self.server.tamper))
        else:
            self.answer(200, "application/soap+xml;charset=UTF-8", answer)

    token = None

    def offer(self, token):
        """The token that goes with the next answer, if any."""
        self.token = token and "%s %s" % (self.scheme, base64.b64encode(token).decode())

    def answer(self, status, content_type=None, body=b""):
        self.send_response(status)
        if self.token:
            self.send_header("WWW-Authenticate", self.token)
        elif status == 401:
            self.send_header("WWW-Authenticate", "Negotiate")
            self.send_header("WWW-Authenticate", "Kerberos")
        self.token = None
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(args):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.clear, server.tamper, server.unproven = args.clear, args.tamper, args.unproven
    server.bindings, scheme = None, "http"
    if args.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(args.certificate, args.key)
        server.socket, scheme = tls.wrap_socket(server.socket, server_side=True), "https"
        der = ssl.PEM_cert_to_DER_cert(open(args.bound_to or args.certificate, encoding="ascii").read())
        server.bindings = bindings(der)
    print("%s://localhost:%d" % (scheme, server.server_address[1]), flush=True)
    server.serve_forever()


def sign_in(connection, path, scheme, context, replay=None):
    """Signs a connection in, and tries the first token again on another one."""
    token, headers = context.step(), {}
    first = token
    while True:
        headers["Authorization"] = "%s %s" % (scheme, base64.b64encode(token).decode())
        connection.request("POST", path, b"", headers)
        response = connection.getresponse()
        response.read()
        offers = [v[len(scheme) + 1 :] for k, v in response.getheaders() if k.lower() == "www-authenticate" and v.startswith(scheme + " ")]
        try:
            token = context.step(base64.b64decode(offers[0])) if offers else None
        except gssapi.exceptions.GSSError as e:
            sys.exit("%d: %s" % (response.status, " ".join(str(e).split())))
        if response.status == 200 and context.complete:
            if replay:
                replay.request("POST", path, b"", {"Authorization": "%s %s" % (scheme, base64.b64encode(first).decode())})
                sys.exit("replayed: %d" % replay.getresponse().status)
            return
        if not token:
            sys.exit("%d: the sign-in did not come to its end" % response.status)


def question(args):
    return QUESTION.format(id=uuid.uuid4(), namespace=args.namespace, wql=escape(args.wql))


def ask(args):
    url = urllib.parse.urlsplit(args.url)
    channel = None
    if url.scheme == "https":
        connection = http.client.HTTPSConnection(url.hostname, url.port, context=ssl.create_default_context(cafile=args.ca))
        connection.connect()
        if args.bindings != "none":
            channel = bindings(connection.sock.getpeercert(True), args.bindings)
    else:
        connection = http.client.HTTPConnection(url.hostname, url.port)
    mechanism = MECHANISMS[args.mechanism]
    credentials = gssapi.Credentials(usage="initiate", mechs=[mechanism])
    flags = gssapi.RequirementFlag
    context = gssapi.SecurityContext(
        name=gssapi.Name("HTTP@" + url.hostname, gssapi.NameType.hostbased_service),
        creds=credentials, mech=MECHANISMS["spnego"] if args.spnego else mechanism, usage="initiate", channel_bindings=channel,
        flags=flags.mutual_authentication | flags.replay_detection | flags.out_of_sequence_detection | flags.confidentiality | flags.integrity,
    )
    sign_in(connection, url.path, args.scheme, context, args.replay and http.client.HTTPConnection(url.hostname, url.port))
    for _ in range(args.times):
        content_type, body = "application/soap+xml;charset=UTF-8", question(args).encode()
        if url.scheme == "http":
            content_type, body = seal(context, LABELS[args.scheme], body, args.tamper)
        connection.request("POST", url.path, body, {"Content-Type": content_type})
        response = connection.getresponse()
        answer = response.read()
        if not answer:
            sys.exit("%d: an empty answer" % response.status)
        if url.scheme == "http":
            answer = unseal(context, LABELS[args.scheme], response.getheader("Content-Type", ""), answer)
        print("%d %s" % (response.status, answer.decode()))


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    server = commands.add_parser("serve")
    server.add_argument("--certificate")
    server.add_argument("--key")
    server.add_argument("--bound-to", help="compare bindings with this certificate instead")
    server.add_argument("--clear", action="store_true", help="answer over http in clear text")
    server.add_argument("--tamper", action="store_true", help="change a sealed answer on its way")
    server.add_argument("--unproven", action="store_true", help="consent without the token that proves who the server is")
    server.set_defaults(run=serve)
    client = commands.add_parser("ask")
    client.add_argument("--scheme", choices=LABELS, default="Negotiate")
    client.add_argument("--mechanism", choices=["kerberos", "ntlm"], required=True)
    client.add_argument("--spnego", action="store_true", help="wrap the mechanism")
    client.add_argument("--bindings", default="tls-server-end-point:", help="none, or another prefix than the right one")
    client.add_argument("--ca")
    client.add_argument("--tamper", action="store_true", help="change a sealed request on its way")
    client.add_argument("--replay", action="store_true", help="over http: send the first token again on another connection")
    client.add_argument("--times", type=int, default=1)
    client.add_argument("url")
    client.set_defaults(run=ask)
    text = commands.add_parser("question")
    text.set_defaults(run=lambda args: print(question(args)))
    for command in (client, text):
        command.add_argument("--namespace", default="root/cimv2")
        command.add_argument("--wql", default="SELECT * FROM Peer")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
