// Command heketiclient calls Heketi's client library, one method each time, for the end-to-end tests:
//
//	heketiclient URL USER KEY METHOD [JSON or ID]
//
// It prints the answer as JSON.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	client "github.com/heketi/heketi/client/api/go-client"
	"github.com/heketi/heketi/pkg/glusterfs/api"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 4 {
		return errors.New("usage: heketiclient URL USER KEY METHOD [JSON or ID]")
	}
	answer, err := call(client.NewClient(args[0], args[1], args[2]), args[3], append(args[4:], "", ""))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

// with decodes the argument of a method and calls it.
func with[Q, R any](text string, do func(*Q) (R, error)) (any, error) {
	var q Q
	if err := json.Unmarshal([]byte(text), &q); err != nil {
		return nil, err
	}
	return do(&q)
}

// quiet is with for methods that answer nothing.
func quiet[Q any](text string, do func(*Q) error) (any, error) {
	return with(text, func(q *Q) (any, error) { return nil, do(q) })
}

func call(c *client.Client, method string, args []string) (any, error) {
	switch method {
	case "ClusterCreate":
		return with(args[0], c.ClusterCreate)
	case "NodeAdd":
		return with(args[0], c.NodeAdd)
	case "NodeInfo":
		return c.NodeInfo(args[0])
	case "NodeState":
		return quiet(args[1], func(q *api.StateRequest) error { return c.NodeState(args[0], q) })
	case "DeviceAdd":
		return quiet(args[0], c.DeviceAdd)
	case "VolumeCreate":
		return with(args[0], c.VolumeCreate)
	case "VolumeExpand":
		return with(args[1], func(q *api.VolumeExpandRequest) (any, error) { return c.VolumeExpand(args[0], q) })
	case "VolumeDelete":
		return nil, c.VolumeDelete(args[0])
	case "VolumeInfo":
		return c.VolumeInfo(args[0])
	case "TopologyInfo":
		return c.TopologyInfo()
	}
	return nil, fmt.Errorf("no method %q here", method)
}
