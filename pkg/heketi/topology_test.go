package heketi

import (
	"strings"
	"testing"

	"gd2/pkg/api"
)

func TestParseTopology(t *testing.T) {
	got, err := ParseTopology([]byte(`{"clusters":[{"file":true,"nodes":[{"node":{"zone":2,"hostnames":{"manage":["n1"],"storage":["10.0.0.1"]},"tags":{"rack":"a"}},
		"devices":["/dev/sdb", {"name":"/dev/sdc","destroydata":true,"tags":{"tier":"ssd"}}]}]}]}`))
	if err != nil || len(got.Clusters) != 1 || *got.Clusters[0].File != true || got.Clusters[0].Block != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	n := got.Clusters[0].Nodes[0]
	if n.Node.Zone != 2 || n.Node.Hostnames.Storage[0] != "10.0.0.1" || n.Node.Tags["rack"] != "a" {
		t.Errorf("%+v", n.Node)
	}
	if d := n.Devices; d[0].Name != "/dev/sdb" || d[0].DestroyData || d[1].Name != "/dev/sdc" || !d[1].DestroyData || d[1].Tags["tier"] != "ssd" {
		t.Errorf("%+v", d)
	}
	for text, says := range map[string]string{
		`[]`: "no topology", `{}`: "no clusters", `{"clusters":[{"nodes":[{"node":{}}]}]}`: "node 1 of cluster 1",
		`{"clusters":[{"nodes":[{"node":{"hostnames":{"manage":["n1"]}},"devices":[{}]}]}]}`: "device 1 of node n1",
		`{"clusters":[{"nodes":[{"node":{"hostnames":{"manage":["n1"]}},"devices":[7]}]}]}`:  "no topology",
	} {
		if _, err := ParseTopology([]byte(text)); !api.IsKind(err, api.Invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v does not say %q", text, err, says)
		}
	}
}

func FuzzParseTopology(f *testing.F) {
	f.Add([]byte(`{"clusters":[{"nodes":[{"node":{"hostnames":{"manage":["n1"]}},"devices":["/dev/sdb",{"name":"/dev/sdc"}]}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ParseTopology(text)
		if err != nil {
			return
		}
		for _, c := range got.Clusters {
			for _, n := range c.Nodes {
				if n.Node.Hostnames.Manage[0] == "" {
					t.Error("a node without a name")
				}
			}
		}
	})
}
