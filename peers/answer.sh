#!/bin/sh
# Answers an Enumerate with one instance that says who has signed in, and how.
body=$(head -c "${CONTENT_LENGTH:-0}")
id=$(printf '%s' "$body" | sed -n 's/.*<[A-Za-z0-9:]*MessageID[^>]*>\([^<]*\)<.*/\1/p')
printf 'Content-Type: application/soap+xml;charset=UTF-8\r\n\r\n'
cat <<XML
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
    xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
    xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"
    xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
    xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Peer">
  <s:Header>
    <a:Action>http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse</a:Action>
    <a:RelatesTo>$id</a:RelatesTo>
  </s:Header>
  <s:Body>
    <n:EnumerateResponse>
      <n:EnumerationContext/>
      <w:Items><p:Peer><p:User>$REMOTE_USER</p:User><p:Mechanism>$GSS_MECH</p:Mechanism></p:Peer></w:Items>
      <w:EndOfSequence/>
    </n:EnumerateResponse>
  </s:Body>
</s:Envelope>
XML
