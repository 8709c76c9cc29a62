package api

import (
	"strings"
	"testing"
)

func TestSelector(t *testing.T) {
	m := map[string]string{"rack": "r1", "tier": "gold", "empty": ""}
	for text, want := range map[string]bool{
		"rack": true, "!rack": false, "none": false, "!none": true, "rack=r1": true, "rack=r2": false, "rack!=r1": false, "rack!=r2": true,
		"none!=x": true, "none=": false, "empty=": true, "rack=r1,tier=gold": true, "rack=r1, tier=iron": false, "rack = r1": true, "a=b=c": false,
	} {
		s, err := ParseSelector(text)
		if err != nil || s.Match(m) != want {
			t.Errorf("%q matches %v (%v), want %v", text, s.Match(m), err, want)
		}
	}
	for _, text := range []string{"", ",", "=x", "!", "!=x", "a,,b", "!a=b!", strings.Repeat("a,", 40) + "a"} {
		if _, err := ParseSelector(text); !IsKind(err, Invalid) || AsError(err).Fields[FieldField] != "selector" {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if !(Selector{}).Match(nil) {
		t.Error("no selector picks nothing")
	}
}

func FuzzParseSelector(f *testing.F) {
	f.Add("a=b,!c,d!=e,f")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSelector(text)
		if err != nil {
			return
		}
		s.Match(map[string]string{"a": "b"})
		if len(s.terms) == 0 || len(s.terms) > maxTerms {
			t.Fatalf("%q has %d terms", text, len(s.terms))
		}
	})
}
