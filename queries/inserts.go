package queries

// Inserts are the insertion strings of a status message. What a message does
// not have is empty.
type Inserts struct {
	InsString1  string `cim:"InsString1"`
	InsString2  string `cim:"InsString2"`
	InsString3  string `cim:"InsString3"`
	InsString4  string `cim:"InsString4"`
	InsString5  string `cim:"InsString5"`
	InsString6  string `cim:"InsString6"`
	InsString7  string `cim:"InsString7"`
	InsString8  string `cim:"InsString8"`
	InsString9  string `cim:"InsString9"`
	InsString10 string `cim:"InsString10"`
}

// Strings are the insertion strings in order, without the empty ones at the
// end.
func (i Inserts) Strings() []string {
	all := []string{
		i.InsString1, i.InsString2, i.InsString3, i.InsString4, i.InsString5,
		i.InsString6, i.InsString7, i.InsString8, i.InsString9, i.InsString10,
	}
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// insertNames declares the properties of Inserts.
const insertNames = " InsString1 InsString2 InsString3 InsString4 InsString5" +
	" InsString6 InsString7 InsString8 InsString9 InsString10"
