package heketi

import (
	"bytes"
	"encoding/json"
	"strings"

	"gd2/pkg/api"
)

// Topology is what heketi-cli loads: the nodes of each cluster and their devices.
type Topology struct {
	Clusters []TopologyCluster `json:"clusters"`
}

// TopologyCluster is a cluster in a Topology. Its flags are true if they are left out.
type TopologyCluster struct {
	Nodes []TopologyNode `json:"nodes"`
	File  *bool          `json:"file,omitempty"`
	Block *bool          `json:"block,omitempty"`
}

// TopologyNode is a node in a Topology.
type TopologyNode struct {
	Node    NodeAddRequest   `json:"node"`
	Devices []TopologyDevice `json:"devices"`
}

// TopologyDevice is a device in a Topology: a path, or an object.
type TopologyDevice struct {
	Name        string            `json:"name"`
	DestroyData bool              `json:"destroydata,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// UnmarshalJSON reads either form.
func (d *TopologyDevice) UnmarshalJSON(raw []byte) error {
	*d = TopologyDevice{}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte(`"`)) {
		return json.Unmarshal(raw, &d.Name)
	}
	type object TopologyDevice
	return json.Unmarshal(raw, (*object)(d))
}

// ParseTopology reads a file in Heketi's form. The error is Invalid and says which part of it is wrong.
func ParseTopology(text []byte) (Topology, error) {
	var t Topology
	if err := json.Unmarshal(text, &t); err != nil {
		return t, api.FieldErrorf("topology", "the file is no topology in Heketi's form: %v", err)
	}
	if len(t.Clusters) == 0 {
		return t, api.FieldErrorf("clusters", "the file has no clusters; it should be {\"clusters\":[{\"nodes\":[...]}]}")
	}
	for i, c := range t.Clusters {
		for j, n := range c.Nodes {
			if len(n.Node.Hostnames.Manage) == 0 || n.Node.Hostnames.Manage[0] == "" {
				return t, api.FieldErrorf("hostnames", "node %d of cluster %d has no name in hostnames.manage", j+1, i+1)
			}
			for k, d := range n.Devices {
				if d.Name == "" {
					return t, api.FieldErrorf("devices", "device %d of node %s has no name", k+1, n.Node.Hostnames.Manage[0])
				}
			}
		}
	}
	return t, nil
}

// ProvisionerTag is a tag, of gd2's, that says what a device is made into: lvm, loop or directory.
const ProvisionerTag = "provisioner"

// Request is what gd2 is asked for to take the device into use. One that is not below /dev is a directory of images, if no tag says
// otherwise.
func (d TopologyDevice) Request() api.DeviceAddReq {
	req := api.DeviceAddReq{Device: d.Name, Provisioner: d.Tags[ProvisionerTag], Tags: d.Tags}
	switch {
	case req.Provisioner != "":
	case strings.HasPrefix(d.Name, "/dev/"):
		req.Provisioner = api.ProvisionerLVM
	default:
		req.Provisioner = api.ProvisionerLoop
	}
	if d.DestroyData && req.Provisioner == api.ProvisionerLVM {
		req.Wipe = d.Name
	}
	return req
}
