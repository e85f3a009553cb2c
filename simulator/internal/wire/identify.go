package wire

import (
	"net/http"
	"slices"
)

// isIdentify tells whether a body asks for Identify (DSP0226 section 11).
func isIdentify(body *element) bool { return body.child(nsIdentify, "Identify") != nil }

// identify is the answer to Identify. Unlike every other it has no header
// blocks.
func (h *Handler) identify(version string, profiles []string) answer {
	return answer{plain: true, prefixes: "s", body: func(w *xmlWriter) {
		w.start("wsmid:IdentifyResponse", "xmlns:wsmid", nsIdentify)
		w.leaf("wsmid:ProtocolVersion", nsWSMan)
		w.leaf("wsmid:ProductVendor", h.cfg.Vendor)
		w.leaf("wsmid:ProductVersion", version)
		if len(profiles) > 0 {
			w.start("wsmid:SecurityProfiles")
			for _, p := range profiles {
				w.leaf("wsmid:SecurityProfileName", p)
			}
			w.end("wsmid:SecurityProfiles")
		}
		w.end("wsmid:IdentifyResponse")
	}}
}

// profiles are the security profiles of the ways to sign in.
func (h *Handler) profiles(tls bool) []string {
	var all []string
	for _, s := range h.schemes {
		if p := s.profile(tls); p != "" && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// identifyStranger answers a request with WSMANIDENTIFY: unauthenticated. It
// may ask for Identify alone, and does not learn the real version (MS-WSMV
// section 3.1.4.1.23).
func (h *Handler) identifyStranger(r *http.Request, body []byte) reply {
	if !acceptable(r.Header.Get("Content-Type")) {
		return reply{status: http.StatusUnsupportedMediaType}
	}
	refused := h.unauthorized(verdict{})
	text, enc, err := decode(body)
	if err != nil {
		return refused
	}
	root, err := parse(text)
	if err != nil {
		return refused
	}
	if _, body, err := open(root); err != nil || !isIdentify(body) {
		return refused
	}
	envelope := h.envelope(h.identify("OS: 0.0.0 SP: 0.0 Stack: 3.0", nil), "")
	return reply{status: http.StatusOK, contentType: enc.contentType(), body: encode(envelope, enc)}
}
