package world

import (
	"iter"
	"strconv"
)

// messageRows defines the status message classes. The "fast twins" of the SDK
// hold the same rows.
func messageRows() []definition {
	byRecord := map[string]func(*Site, value) iter.Seq[*message]{"RecordID": (*Site).messageWith}
	plain := statusMessageColumns()
	flat := plain.with(insertColumns(func(m *message) *message { return m }))
	strings := columns[messageString]{
		"InsStrIndex": func(r messageString) value { return uint64(r.index) },
		"InsStrValue": func(r messageString) value { return r.message.insertion(r.index) },
		"RecordID":    func(r messageString) value { return r.message.record },
	}
	attributes := columns[messageAttribute]{
		"AttributeID":    func(r messageAttribute) value { return r.id },
		"AttributeTime":  func(r messageAttribute) value { return when(r.message.at) },
		"AttributeValue": func(r messageAttribute) value { return r.text },
		"RecordID":       func(r messageAttribute) value { return r.message.record },
	}
	ofStrings, ofAttributes := overMessages(messageStrings), overMessages(messageAttributes)
	byValue := map[string]func(*Site, value) iter.Seq[messageAttribute]{"RecordID": overMessage(messageAttributes)}
	byString := map[string]func(*Site, value) iter.Seq[messageString]{"RecordID": overMessage(messageStrings)}
	return []definition{
		rows[*message]{class: "SMS_StatusMessage", all: (*Site).messages, indexes: byRecord, columns: plain},
		rows[*message]{class: "SMS_StatMsg", all: (*Site).messages, indexes: byRecord, columns: plain},
		rows[*message]{class: "SMS_StatMsgWithInsStrings", all: (*Site).messages, indexes: byRecord, columns: flat},
		rows[messageString]{class: "SMS_StatMsgInsStrings", all: ofStrings, indexes: byString, columns: strings},
		rows[messageString]{class: "SMS_StatInsStr", all: ofStrings, indexes: byString, columns: strings},
		rows[messageAttribute]{class: "SMS_StatMsgAttributes", all: ofAttributes, indexes: byValue, columns: attributes},
		rows[messageAttribute]{class: "SMS_StatAttr", all: ofAttributes, indexes: byValue, columns: attributes},
		rows[string]{class: "SMS_StatMsgModuleNames", all: func(*Site) iter.Seq[string] { return one(moduleName) }, columns: columns[string]{
			"ModuleName": func(name string) value { return name },
			"MsgDLLName": is[string]("srvmsgs.dll"),
		}},
	}
}

// moduleName is the message module of all server components.
const moduleName = "SMS Server"

func statusMessageColumns() columns[*message] {
	return columns[*message]{
		"Component":             func(m *message) value { return m.component() },
		"MachineName":           func(m *message) value { return m.site.server },
		"MessageID":             func(m *message) value { return uint64(m.id) },
		"MessageType":           func(m *message) value { return m.messageType() },
		"ModuleName":            is[*message](moduleName),
		"PerClient":             is[*message](uint64(0)),
		"ProcessID":             is[*message](uint64(processID)),
		"RecordID":              func(m *message) value { return m.record },
		"ReportFunction":        is[*message](uint64(0)),
		"Severity":              func(m *message) value { return uint64(m.severity) },
		"SiteCode":              func(m *message) value { return m.site.code },
		"SuccessfulTransaction": is[*message](uint64(0)),
		"ThreadID":              func(m *message) value { return uint64(m.thread()) },
		"Time":                  func(m *message) value { return when(m.at) },
		"TopLevelSiteCode":      is[*message](""),
		"Transaction":           is[*message](uint64(0)),
		"Win32Error":            func(m *message) value { return uint64(m.win32) },
	}
}

// processID is the process of the site server's components, SMS_EXECUTIVE.
const processID = 4812

// thread is the thread that reported the message.
func (m *message) thread() uint32 { return 5000 + uint32(m.id)%64*4 }

// messageType is SMS_StatusMessage.MessageType: 256 a milestone, 512 a detail.
func (m *message) messageType() value {
	if m.state == stateBusy {
		return uint64(512)
	}
	return uint64(256)
}

// messages are the status messages that the site shows, oldest first.
func (s *Site) messages() iter.Seq[*message] {
	return func(yield func(*message) bool) {
		for _, m := range s.w.messages {
			if s.showsMessage(m) && !yield(m) {
				return
			}
		}
	}
}

func (s *Site) showsMessage(m *message) bool { return m.site.tree == s.site.tree && s.shows(m.site) }

// messageWith is the message with a record ID.
func (s *Site) messageWith(v value) iter.Seq[*message] {
	record, _ := v.(int64)
	m, ok := s.w.message(record)
	if !ok || !s.showsMessage(m) {
		return none[*message]
	}
	return one(m)
}

// overMessages is the rows that each message gives.
func overMessages[R any](of func(*message) []R) func(*Site) iter.Seq[R] {
	return func(s *Site) iter.Seq[R] { return expand(s.messages(), of) }
}

// overMessage is the rows that the message with a record ID gives.
func overMessage[R any](of func(*message) []R) func(*Site, value) iter.Seq[R] {
	return func(s *Site, v value) iter.Seq[R] { return expand(s.messageWith(v), of) }
}

func expand[R any](messages iter.Seq[*message], of func(*message) []R) iter.Seq[R] {
	return func(yield func(R) bool) {
		for m := range messages {
			for _, r := range of(m) {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// messageString is one insertion string.
type messageString struct {
	message *message
	index   int // from 0
}

func messageStrings(m *message) []messageString {
	_, inserts, _ := m.id.wording()
	var all []messageString
	for i := range inserts {
		all = append(all, messageString{m, i})
	}
	return all
}

// The attributes of status messages (SMS_StatMsgAttributes.AttributeID).
const (
	attributePackage = 400
	attributeDP      = 404
	attributeVersion = 410
)

// messageAttribute is one attribute of a message.
type messageAttribute struct {
	message *message
	id      uint64
	text    string
}

func messageAttributes(m *message) []messageAttribute {
	var all []messageAttribute
	if m.pkg != nil {
		all = append(all, messageAttribute{m, attributePackage, m.pkg.id})
	}
	if m.dp != nil {
		all = append(all, messageAttribute{m, attributeDP, m.dp.nal})
	}
	if m.pkg != nil {
		all = append(all, messageAttribute{m, attributeVersion, strconv.FormatUint(uint64(m.version), 10)})
	}
	return all
}
