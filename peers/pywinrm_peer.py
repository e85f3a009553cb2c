"""Talks to a simulated site server by pywinrm, a WinRM client that dpremote's
authors did not write, and holds dpremote's reading against ElementTree's.

usage: pywinrm_peer.py DPREMOTE INVENTORY SITE
"""

import json
import re
import subprocess
import sys
import uuid
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

from winrm.protocol import Protocol

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def settings(path, site):
    """The few keys that the simulator's inventory has, read line by line."""
    text = open(path, encoding="utf-8").read()
    everywhere = dict(re.findall(r"^  (\w+): (.*)$", text.split("sites:")[0], re.M))
    part = re.search(r"^  %s:\n((?:    .*\n)+)" % re.escape(site), text, re.M)
    everywhere.update(re.findall(r"^    (\w+): (.*)$", part.group(1), re.M))
    return everywhere


def envelope(action, uri, body):
    return (
        '<s:Envelope xmlns:s="{soap}" xmlns:a="{addressing}" xmlns:n="{enumeration}" xmlns:w="{wsman}"><s:Header>'
        "<a:To>http://server/wsman</a:To><w:ResourceURI s:mustUnderstand=\"true\">{uri}</w:ResourceURI>"
        '<a:ReplyTo><a:Address s:mustUnderstand="true">{addressing}/role/anonymous</a:Address></a:ReplyTo>'
        '<a:Action s:mustUnderstand="true">{action}</a:Action><a:MessageID>uuid:{id}</a:MessageID>'
        "<w:OperationTimeout>PT60S</w:OperationTimeout></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).format(soap=SOAP, addressing=ADDRESSING, enumeration=ENUMERATION, wsman=WSMAN, uri=escape(uri), action=action, id=uuid.uuid4(), body=body)


def enumerate_wql(protocol, namespace, wql):
    """All instances that a query selects: a list of {property: text or None}."""
    uri = "http://schemas.microsoft.com/wbem/wsman/1/wmi/%s/*" % namespace
    body = (
        '<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>7</w:MaxElements>'
        '<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">%s</w:Filter></n:Enumerate>' % escape(wql)
    )
    rows, action = [], "/Enumerate"
    while True:
        answer = ET.fromstring(protocol.transport.send_message(envelope(ENUMERATION + action, uri, body)))
        for items in list(answer.iter("{%s}Items" % WSMAN)) + list(answer.iter("{%s}Items" % ENUMERATION)):
            for item in items:
                rows.append({p.tag.split("}")[-1]: None if p.get(NIL) == "true" else "".join(p.itertext()) for p in item})
        if any(True for ns in (WSMAN, ENUMERATION) for _ in answer.iter("{%s}EndOfSequence" % ns)):
            return rows
        context = next(answer.iter("{%s}EnumerationContext" % ENUMERATION)).text
        body = "<n:Pull><n:EnumerationContext>%s</n:EnumerationContext><n:MaxElements>7</n:MaxElements></n:Pull>" % context
        action = "/Pull"


def text_of(value):
    """A JSON value as the wire writes it."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def main():
    dpremote, inventory, site = sys.argv[1:4]
    s = settings(inventory, site)
    password = open(s["password_file"], encoding="utf-8").read().rstrip("\n")
    protocol = Protocol(s["host"] + "/wsman", transport="basic", username=s["user"], password=password, ca_trust_path=s["ca_file"])

    shell = protocol.open_shell()
    command = protocol.run_command(shell, "hostname")
    stdout, stderr, code = protocol.get_command_output(shell, command)
    protocol.cleanup_command(shell, command)
    protocol.close_shell(shell)
    assert code == 0 and stdout.strip() and not stderr, (stdout, stderr, code)
    print("remote shell: hostname printed %s" % stdout.decode().strip())

    compared = 0
    for wql in (
        "SELECT * FROM SMS_Site",
        "SELECT PackageID, ServerNALPath, SiteCode, State FROM SMS_PackageStatusDistPointsSummarizer",
        "SELECT * FROM SMS_DistributionPoint WHERE PackageID LIKE 'P%'",
        "SELECT ID, PackageID, MessageID, InsString1, InsString2 FROM SMS_DistributionDPStatus WHERE MessageState >= 3",
    ):
        theirs = enumerate_wql(protocol, "root/sms/site_" + s["site_code"], wql)
        out = subprocess.run([dpremote, "-i", inventory, "--site", site, "query", wql, "-o", "json"], check=True, capture_output=True)
        ours = [{k: text_of(v) for k, v in row.items()} for row in json.loads(out.stdout)["items"]]
        assert theirs and ours == theirs, "%s: %d and %d rows differ" % (wql, len(theirs), len(ours))
        compared += len(ours)
    print("queries: %d instances, the same by pywinrm with ElementTree and by dpremote" % compared)


if __name__ == "__main__":
    main()
