package wire

// XML namespaces (DSP0226 annex A; MS-WSMV section 2.2.1).
const (
	nsSOAP       = "http://www.w3.org/2003/05/soap-envelope"
	nsSOAP11     = "http://schemas.xmlsoap.org/soap/envelope/"
	nsAddressing = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	nsEnum       = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
	nsEventing   = "http://schemas.xmlsoap.org/ws/2004/08/eventing"
	nsTransfer   = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
	nsWSMan      = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
	nsMicrosoft  = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
	nsBinding    = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd"
	nsFault      = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
	nsIdentify   = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
	nsCIM        = "http://schemas.dmtf.org/wbem/wscim/1/common"
	nsConfig     = "http://schemas.microsoft.com/wbem/wsman/1/config"
	nsShell      = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
	nsXSI        = "http://www.w3.org/2001/XMLSchema-instance"
	nsXML        = "http://www.w3.org/XML/1998/namespace"
)

// Actions of requests; the action of an answer is that of its request with
// Response after it (DSP0226 annex C).
const (
	actionGet       = nsTransfer + "/Get"
	actionPut       = nsTransfer + "/Put"
	actionCreate    = nsTransfer + "/Create"
	actionDelete    = nsTransfer + "/Delete"
	actionEnumerate = nsEnum + "/Enumerate"
	actionPull      = nsEnum + "/Pull"
	actionRelease   = nsEnum + "/Release"
	actionCommand   = nsShell + "/Command"
	actionReceive   = nsShell + "/Receive"
	actionSend      = nsShell + "/Send"
	actionSignal    = nsShell + "/Signal"
)

// Resource URIs and what they begin with.
const (
	resourceWMI     = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
	resourceDMTF    = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"
	resourceDMTFAll = "http://schemas.dmtf.org/wbem/wscim/1/*"
	resourceConfig  = nsConfig
	resourceCmd     = nsShell + "/cmd"
)

// Other URIs.
const (
	anonymous    = nsAddressing + "/role/anonymous"
	dialectWQL   = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
	dialectXPath = "http://www.w3.org/TR/1999/REC-xpath-19991116"
	levelXPath   = "http://schemas.dmtf.org/wbem/wsman/1/wsman/xpath/level1"
)

// prefixes are the prefixes that answers use, as Windows declares them.
// MS-WSMV fixes none; tests compare namespaces.
var prefixes = map[string]string{
	"s":   nsSOAP,
	"a":   nsAddressing,
	"n":   nsEnum,
	"e":   nsEventing,
	"x":   nsTransfer,
	"w":   nsWSMan,
	"p":   nsMicrosoft,
	"rsp": nsShell,
}
