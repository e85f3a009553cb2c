package wire

import "strconv"

// settings answers Get on the configuration: the quotas by which a client can
// size its requests. MaxConcurrentOperationsPerUser is the service's default;
// Config.MaxOperationsPerUser is the lower one of the WMI plug-in, which
// Windows does not show here either.
func (h *Handler) settings(req *request) (answer, error) {
	if req.action != actionGet {
		return answer{}, actionNotSupported(req.action)
	}
	if len(req.selectors) > 0 {
		return answer{}, sender("w:InvalidSelectors", codeUnexpectedSelectors, "The configuration has no selectors.")
	}
	return answer{action: actionGet + "Response", prefixes: "saxwp", body: func(w *xmlWriter) {
		number := func(name string, n int64) { w.leaf("cfg:"+name, strconv.FormatInt(n, 10)) }
		w.start("cfg:Config", "xmlns:cfg", nsConfig, "xml:lang", h.cfg.Language)
		number("MaxEnvelopeSizekb", int64(h.cfg.MaxEnvelopeSizeKB))
		number("MaxTimeoutms", 60000)
		number("MaxBatchItems", int64(h.cfg.MaxBatchItems))
		number("MaxProviderRequests", 4294967295)
		w.start("cfg:Service")
		number("MaxConcurrentOperations", 4294967295)
		number("MaxConcurrentOperationsPerUser", 1500)
		number("EnumerationTimeoutms", h.cfg.EnumerationTimeout.Milliseconds())
		number("MaxConnections", 300)
		number("MaxPacketRetrievalTimeSeconds", 120)
		w.leaf("cfg:AllowUnencrypted", strconv.FormatBool(h.cfg.AllowUnencrypted))
		w.start("cfg:Auth")
		w.leaf("cfg:Basic", "true")
		w.leaf("cfg:CbtHardeningLevel", "Relaxed")
		w.end("cfg:Auth")
		w.end("cfg:Service")
		w.end("cfg:Config")
	}}, nil
}
