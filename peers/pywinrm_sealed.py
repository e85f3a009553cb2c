"""Signs in to a simulated site server by pywinrm, which seals by ntlm-auth over
http, and by requests-kerberos over https.

usage: pywinrm_sealed.py TRANSPORT URL USER [--password FILE] [--ca FILE] [--encryption HOW]

TRANSPORT is ntlm or kerberos. It prints what a remote shell and a query answer.
"""

import argparse

from pywinrm_peer import enumerate_wql
from winrm.protocol import Protocol


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("transport")
    parser.add_argument("url")
    parser.add_argument("user")
    parser.add_argument("--password")
    parser.add_argument("--ca")
    parser.add_argument("--encryption", default="auto")
    args = parser.parse_args()
    password = args.password and open(args.password, encoding="utf-8").read()
    protocol = Protocol(
        args.url, transport=args.transport, username=args.user, password=password,
        ca_trust_path=args.ca, message_encryption=args.encryption,
    )
    shell = protocol.open_shell()
    command = protocol.run_command(shell, "hostname")
    stdout, stderr, code = protocol.get_command_output(shell, command)
    protocol.cleanup_command(shell, command)
    protocol.close_shell(shell)
    assert code == 0 and not stderr, (stderr, code)
    rows = enumerate_wql(protocol, "root/sms/site_P01", "SELECT * FROM SMS_PackageStatusDistPointsSummarizer")
    if args.encryption == "always":
        assert protocol.transport.encryption is not None, "pywinrm did not seal"
    how = "in clear" if protocol.transport.encryption is None else "sealed"
    print("hostname %s, %d instances, %s" % (stdout.decode().strip(), len(rows), how))


if __name__ == "__main__":
    main()
