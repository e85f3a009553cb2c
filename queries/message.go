package queries

import (
	"strconv"
	"strings"
)

// messages says in this project's own words what the status messages of content
// distribution mean; the provider serves none. Sources: Microsoft's support
// articles on content distribution and knowledge base articles Q319207 and
// Q267977, and what public scripts make of the numbers. The meaning of 2311,
// 2333 and 2376 is inferred from log files in those articles.
var messages = enum{
	{2300, "processing of the package began", ""},
	{2301, "the package was processed", ""},
	{2302, "the package could not be processed", ""},
	{2303, "the content was refreshed", ""},
	{2306, "the source folder is missing or cannot be read", ""},
	{2311, "the package was created or updated at the site", ""},
	{2321, "the package could not be unpacked", ""},
	{2323, "the distribution point's network path could not be opened", ""},
	{2324, "the share on the distribution point cannot be reached or created", ""},
	{2328, "the package could not be copied to the distribution point", ""},
	{2330, "the distribution point now holds the package", ""},
	{2333, "the package is being sent to another site", ""},
	{2339, "the package's description was sent to a child site", ""},
	{2354, "the content's status file is not valid", ""},
	{2357, "a transfer job was handed to Package Transfer Manager", ""},
	{2370, "the distribution point could not be installed", ""},
	{2371, "the distribution point waits for prestaged content", ""},
	{2372, "the distribution point waits for content", ""},
	{2376, "a snapshot of the source was taken", ""},
	{2380, "the content is being validated", ""},
	{2381, "validation of the content is queued", ""},
	{2382, "the content's hash is wrong", ""},
	{2383, "the content's hash could not be checked", ""},
	{2384, "the content's hash is right", ""},
	{2391, "the distribution point cannot be reached", ""},
	{2398, "no status of the content was found", ""},
	{2399, "the distribution point was installed or upgraded", ""},
	{8200, "the content was sent", ""},
	{8203, "the content could not be sent", ""},
	{8204, "the content is being sent", ""},
	{8211, "the content could not be sent", ""},
}

// Message is a status message in words, with its insertion strings behind them;
// of a NAL path the server's name. A message that is not known is told by its
// number.
func Message(id uint32, inserts []string) string {
	text := "message " + strconv.FormatUint(uint64(id), 10)
	for _, m := range messages {
		if m.number == id {
			text = m.word
			break
		}
	}
	var said []string
	for _, s := range inserts {
		if path := NALPath(s); path.Provider() != "" && path.Server() != "" {
			s = path.Server()
		}
		if s != "" {
			said = append(said, s)
		}
	}
	if len(said) == 0 {
		return text
	}
	return text + ": " + strings.Join(said, ", ")
}
