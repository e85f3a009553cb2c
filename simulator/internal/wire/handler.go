package wire

import (
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"dpremote/simulator/internal/krbserver"
)

// Handler serves WS-Management at the path /wsman. It is safe for concurrent
// use.
type Handler struct {
	cfg           Config
	schemes       []scheme
	kerberos      *krbserver.Service // nil when there is none
	enumerations  enumerations
	shells        shells
	subscriptions subscriptions
	around        http.Handler
	strict        *strict // nil when it is not

	ntlmChallenge []byte // in place of fresh challenges, for recorded sign-ins
}

// New is a handler for one server. How long a client may take to send a
// request, or to read an answer, is for the http.Server to bound (ReadTimeout,
// WriteTimeout).
func New(cfg Config) *Handler {
	h := &Handler{cfg: cfg.withDefaults()}
	h.kerberos = h.cfg.service()
	h.schemes = h.makeSchemes()
	h.strict = newStrict(h.cfg)
	h.around = http.HandlerFunc(h.exchange)
	if h.cfg.Around != nil {
		h.around = h.cfg.Around(h.around)
	}
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.strict != nil {
		h.strict.serve(w, r, h.around)
		return
	}
	h.around.ServeHTTP(w, r)
}

// reply is an HTTP answer.
type reply struct {
	status      int
	header      http.Header // further headers; may be nil
	contentType string
	body        []byte
}

// exchange answers one request. Observe comes before the answer is sent, so
// that a client which has read the answer finds it counted.
func (h *Handler) exchange(w http.ResponseWriter, r *http.Request) {
	defer connectionOf(r).hold()()
	x := &Exchange{}
	reply := h.reply(w, r, x)
	if p := x.Mishap.Plain; p != nil {
		reply.status, reply.header, reply.contentType, reply.body = p.Status, p.Header, p.ContentType, p.Body
	}
	x.Status, x.ResponseBytes = reply.status, len(reply.body)
	h.strict.hear(r, x)
	h.cfg.Observe(*x)
	if x.Mishap.damages() {
		Excuse(r)
	}
	transmit(w, r, x.Mishap, reply.send)
}

// send writes an answer.
func (a reply) send(w http.ResponseWriter) {
	for key, values := range a.header {
		w.Header()[key] = values
	}
	if a.contentType != "" {
		w.Header().Set("Content-Type", a.contentType)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.Header().Set("Server", "Microsoft-HTTPAPI/2.0")
	w.WriteHeader(a.status)
	// A client that went away learns nothing; it is its own loss.
	_, _ = w.Write(a.body)
}

// reply judges a request as HTTP and hands its message on.
func (h *Handler) reply(w http.ResponseWriter, r *http.Request, x *Exchange) reply {
	if !strings.EqualFold(strings.TrimSuffix(r.URL.Path, "/"), "/wsman") {
		return reply{status: http.StatusNotFound}
	}
	if r.Method != http.MethodPost {
		return reply{status: http.StatusMethodNotAllowed, header: http.Header{"Allow": {http.MethodPost}}}
	}
	limit := h.maxEnvelope()
	if isSealed(r.Header.Get("Content-Type")) {
		limit += sealedOverhead
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	x.RequestBytes = len(body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return reply{status: http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return reply{status: http.StatusBadRequest}
	}
	who := h.signIn(r)
	noteOf(r).heard(who.seal != nil)
	x.User = who.user
	if who.user == "" {
		if who.next == "" && strings.EqualFold(r.Header.Get("WSMANIDENTIFY"), "unauthenticated") {
			return h.identifyStranger(r, body)
		}
		return h.unauthorized(who)
	}
	answer := h.signedIn(r, who, body, x)
	if who.next != "" {
		answer.header = http.Header{"Www-Authenticate": {who.next}}
	}
	return answer
}

// unauthorized is the answer to a request that is not signed in, or not yet.
func (h *Handler) unauthorized(v verdict) reply {
	return reply{status: http.StatusUnauthorized, header: http.Header{"Www-Authenticate": h.challenges(v)}}
}

// signedIn answers a request whose sender is known.
func (h *Handler) signedIn(r *http.Request, who verdict, body []byte, x *Exchange) reply {
	if len(body) == 0 && (who.next != "" || who.completed) {
		return reply{status: http.StatusOK} // the request was for signing in alone
	}
	contentType := r.Header.Get("Content-Type")
	if who.seal != nil && isSealed(contentType) {
		return h.sealedMessage(r, who, contentType, body, x)
	}
	if r.TLS == nil && !h.cfg.AllowUnencrypted {
		if len(body) == 0 && who.seal != nil {
			return h.unauthorized(verdict{}) // clients that sign in anew begin with an empty request
		}
		return reply{status: http.StatusInternalServerError}
	}
	return h.message(r, who.user, contentType, body, x)
}

// sealedMessage answers a sealed message in kind. A message that cannot be
// opened ends the sign-in, since the two sides no longer agree on what was sent.
func (h *Handler) sealedMessage(r *http.Request, who verdict, contentType string, body []byte, x *Exchange) reply {
	contentType, body, err := who.seal.open(contentType, body)
	if err != nil {
		connectionOf(r).forget()
		return reply{status: http.StatusBadRequest}
	}
	if len(body) > h.maxEnvelope() {
		return reply{status: http.StatusRequestEntityTooLarge}
	}
	answer := h.message(r, who.user, contentType, body, x)
	if len(answer.body) > 0 && x.Mishap.Plain == nil {
		answer.contentType, answer.body, err = who.seal.seal(answer.contentType, answer.body)
	}
	if err != nil {
		connectionOf(r).forget()
		return reply{status: http.StatusInternalServerError}
	}
	return answer
}

// message answers a message in clear, in the encoding that it came in.
func (h *Handler) message(r *http.Request, user, contentType string, body []byte, x *Exchange) reply {
	if !acceptable(contentType) {
		return reply{status: http.StatusUnsupportedMediaType}
	}
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	req := &request{user: user, address: address(r), client: client, tls: r.TLS != nil, note: noteOf(r)}
	text, enc, err := decode(body)
	if err == nil && h.cfg.Answer != nil {
		if envelope := h.cfg.Answer(text); envelope != nil {
			return reply{status: http.StatusOK, contentType: enc.contentType(), body: encode(envelope, enc)}
		}
	}
	var a answer
	if err == nil {
		a, err = h.operate(r.Context(), req, text, x)
	} else {
		err = sender("w:EncodingLimit", codeCharacterSet, err.Error())
	}
	status, envelope := http.StatusOK, []byte(nil)
	if err == nil {
		envelope = h.envelope(a, h.relatesTo(req, x))
		err = h.checkSize(req, envelope)
	}
	if err != nil {
		f := faultOf(err, resource{})
		x.FaultCode = f.Code
		status, envelope = cmp.Or(f.Status, http.StatusInternalServerError), h.envelope(f.answer(h), req.messageID)
	}
	if x.Mishap.Cut != CutNowhere {
		envelope = envelope[:x.Mishap.Cut.at(envelope)]
	}
	return reply{status: status, contentType: cmp.Or(x.Mishap.ContentType, enc.contentType()), body: encode(envelope, enc)}
}

// address is the URL that a request came to.
func address(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host + "/wsman"
	}
	return "http://" + r.Host + "/wsman"
}

// maxEnvelope is the server's own limit in bytes.
func (h *Handler) maxEnvelope() int { return h.cfg.MaxEnvelopeSizeKB * 1024 }

// limit is the most that an answer may take, in bytes as UTF-16.
func (h *Handler) limit(req *request) int {
	if req.maxEnvelope == 0 {
		return h.maxEnvelope()
	}
	return min(req.maxEnvelope, h.maxEnvelope())
}

// checkSize refuses an answer that is over the limit. What was done stays
// done, and the fault says so.
func (h *Handler) checkSize(req *request, envelope []byte) error {
	if utf16Size(envelope) <= h.limit(req) {
		return nil
	}
	switch req.action {
	case actionGet, actionEnumerate, actionPull:
		return envelopeExceeded()
	}
	return sender("w:EncodingLimit", codeUnreportableSuccess,
		"The operation was carried out, but its answer is larger than MaxEnvelopeSize.")
}

// envelopeExceeded is the fault of an answer, or of a single item, that is
// larger than MaxEnvelopeSize.
func envelopeExceeded() *Fault {
	return sender("w:EncodingLimit", codeEnvelopeExceeded, "The answer is larger than MaxEnvelopeSize.")
}
