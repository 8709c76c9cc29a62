package transaction

import "encoding/json"

// Outputs are what the steps of a transaction reported: by peer id, then by the name of the output.
// Read them with Output.Get.
type Outputs map[string]map[string]json.RawMessage

// Output is the typed key of something that a step reports and the commit reads.
type Output[T any] struct {
	name string
}

// NewOutput returns the key of the given name. Two keys of one operation must differ in their names.
func NewOutput[T any](name string) Output[T] {
	return Output[T]{name: name}
}

// Set reports a value from a running Do. The value must survive JSON; if it does not the step fails.
func (o Output[T]) Set(c *Call, v T) {
	raw, err := json.Marshal(v)
	if err != nil {
		c.failed = err
		return
	}
	if c.outputs == nil {
		c.outputs = map[string]json.RawMessage{}
	}
	c.outputs[o.name] = raw
}

// Get returns what the peer reported, and whether it did.
func (o Output[T]) Get(outs Outputs, peerID string) (T, bool) {
	var v T
	raw, ok := outs[peerID][o.name]
	if !ok || json.Unmarshal(raw, &v) != nil {
		return v, false
	}
	return v, true
}

// Put stores a value as if the peer had reported it: for tests of a commit.
func (o Output[T]) Put(outs Outputs, peerID string, v T) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	outs.add(peerID, map[string]json.RawMessage{o.name: raw})
	return nil
}

func (outs Outputs) add(peerID string, values map[string]json.RawMessage) {
	if len(values) == 0 {
		return
	}
	if outs[peerID] == nil {
		outs[peerID] = map[string]json.RawMessage{}
	}
	for name, v := range values {
		outs[peerID][name] = v
	}
}
