package peer

import (
	"strings"
	"testing"

	"gd2/pkg/api"
)

func TestAt(t *testing.T) {
	p := Peer{
		Host: "0.0.0.0", PeerAddress: "a:24008", ClientAddress: "[::1]:24007", StorePeerURLs: []string{"https://a:2380"}, StoreClientURLs: []string{"https://a:2379"},
	}
	for host, want := range map[string]string{"10.0.0.7": "10.0.0.7", "fd00::7": "[fd00::7]", "n7": "n7"} {
		got := p.At(host)
		if got.Host != host || got.PeerAddress != want+":24008" || got.ClientAddress != want+":24007" ||
			got.StorePeerURLs[0] != "https://"+want+":2380" || got.StoreClientURLs[0] != "https://"+want+":2379" {
			t.Errorf("%s: %+v", host, got)
		}
	}
	if p.StorePeerURLs[0] != "https://a:2380" {
		t.Error("At changed the peer itself")
	}
}

func TestValidateHost(t *testing.T) {
	for _, good := range []string{"n1", "n-1.example.org", "10.0.0.1", "fd00::1", "a_b"} {
		if err := ValidateHost(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-o", "a b", "a\nb", "a/b", "a'b", "a:1", "é", strings.Repeat("a", 300)} {
		if err := ValidateHost(bad); !api.IsKind(err, api.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestInfo(t *testing.T) {
	p := &Peer{ID: "i", Metadata: map[string]string{"a": "b"}}
	info := p.Info(true, 7)
	if info.Metadata[api.ZoneKey] != "i" || info.Metadata["a"] != "b" || !info.Online || info.PID != 7 {
		t.Errorf("%+v", info)
	}
	if _, ok := p.Metadata[api.ZoneKey]; ok {
		t.Error("Info changed the record")
	}
	p.Metadata[api.ZoneKey] = "z"
	if p.Zone() != "z" {
		t.Errorf("zone %s", p.Zone())
	}
}
