package volgen

import "strings"

// reserved are the words that the parser of volfiles takes for itself when they stand alone.
var reserved = map[string]bool{
	"volume": true, "type": true, "option": true, "subvolumes": true, "end-volume": true,
}

// word writes text so that the parser of volfiles reads it back as one word: as it stands where that is enough, else in
// quotes.
//
// The parser runs what stands between backquotes as a command, in quotes too, and knows no line breaks in a word. Checks
// at the edge refuse both in names, paths and values; what gets here all the same becomes an underscore, because a wrong
// path does less harm than a command run as root.
func word(text string) string {
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == '`' {
			return '_'
		}
		return c
	}, text)
	if text != "" && !reserved[strings.ToLower(text)] && !strings.ContainsAny(text, " \"\\") && text[0] != '#' {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
