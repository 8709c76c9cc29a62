package heketi

import "gd2/pkg/heketi"

func nodeRequest(host, cluster string) heketi.NodeAddRequest {
	return heketi.NodeAddRequest{Zone: 3, ClusterID: cluster, Hostnames: heketi.HostAddresses{Manage: []string{host}, Storage: []string{"192.0.2.1"}}}
}
