package health

import (
	"time"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/event"
	"gd2/glusterd2/selfheal"
	"gd2/pkg/api"
)

// Self is this peer, as the data of events has it.
type Self struct{ ID, Name string }

func (s Self) data(more ...string) map[string]string {
	m := map[string]string{api.DataPeerID: s.ID, api.DataPeerName: s.Name}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] != "" {
			m[more[i]] = more[i+1]
		}
	}
	return m
}

// Bricks tells how the bricks of this peer do that should run.
type Bricks struct {
	Self   func() Self
	States func() []brick.State
}

// Prefix implements Source.
func (b Bricks) Prefix() string { return event.FaultBrick + "/" + b.Self().ID + "/" }

// Look implements Source.
func (b Bricks) Look(time.Time) ([]Sign, bool) {
	var out []Sign
	for _, s := range b.States() {
		reason := s.LastError
		if reason == "" {
			reason = "its process ended unexpectedly"
		}
		out = append(out, Sign{
			ID: place(event.FaultBrick, b.Self().ID, s.Spec.VolumeName, s.Spec.Path), Down: s.Down, Ends: s.Ends,
			Fault: event.Fault{Kind: event.FaultBrick, Since: s.EndedAt, Data: b.Self().data(
				api.DataVolumeName, s.Spec.VolumeName, api.DataBrickPath, s.Spec.Path, api.DataReason, reason)},
		})
	}
	return out, true
}

// SelfHeal tells how the self-heal daemon of this peer does.
type SelfHeal struct {
	Self      func() Self
	Condition func() selfheal.Condition
}

// Prefix implements Source.
func (h SelfHeal) Prefix() string { return event.FaultDaemon + "/" + h.Self().ID + "/" }

// Look implements Source.
func (h SelfHeal) Look(time.Time) ([]Sign, bool) {
	c := h.Condition()
	reason := c.LastError
	if reason == "" {
		reason = "its process ended unexpectedly"
	}
	return []Sign{{
		ID: place(event.FaultDaemon, h.Self().ID, selfheal.ServiceName), Down: c.Down, Ends: c.Ends,
		Fault: event.Fault{Kind: event.FaultDaemon, Data: h.Self().data(api.DataDaemon, selfheal.ServiceName, api.DataReason, reason)},
	}}, true
}
