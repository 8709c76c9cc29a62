package hook

import (
	"maps"
	"slices"

	"gd2/glusterd2/volume"
	"gd2/store"
)

// changes compares two readings of the volumes and tells what hook scripts are to hear. Every peer does so for itself,
// so that scripts run everywhere, whoever made the change.
func changes(before, now []store.Record[*volume.Volume]) []Event {
	var events, gone []Event
	rest := before
	for _, rec := range now {
		for len(rest) > 0 && rest[0].ID < rec.ID {
			gone = append(gone, Event{Operation: Delete, Volume: rest[0].ID})
			rest = rest[1:]
		}
		var was *volume.Volume
		if len(rest) > 0 && rest[0].ID == rec.ID {
			was, rest = rest[0].Value, rest[1:]
		}
		if was == rec.Value {
			continue
		}
		if was == nil || was.ID != rec.Value.ID {
			events = append(events, Event{Operation: Create, Volume: rec.ID})
			was = &volume.Volume{State: volume.Created, Options: rec.Value.Options, Subvols: rec.Value.Subvols}
		}
		events = append(events, changesOf(was, rec.Value, before, now)...)
	}
	for _, rec := range rest {
		gone = append(gone, Event{Operation: Delete, Volume: rec.ID})
	}
	return append(events, gone...)
}

func changesOf(was, is *volume.Volume, before, now []store.Record[*volume.Volume]) []Event {
	var events []Event
	switch {
	case was.State != volume.Started && is.State == volume.Started:
		events = append(events, Event{Operation: Start, Volume: is.Name, First: started(before) == 0})
	case was.State == volume.Started && is.State != volume.Started:
		events = append(events, Event{Operation: Stop, Volume: is.Name, Last: started(now) == 0})
	}
	if len(missing(was, is)) > 0 {
		events = append(events, Event{Operation: AddBrick, Volume: is.Name})
	}
	if len(missing(is, was)) > 0 {
		events = append(events, Event{Operation: RemoveBrick, Volume: is.Name})
	}
	if maps.Equal(was.Options, is.Options) {
		return events
	}
	set, reset := map[string]string{}, map[string]string{}
	for k, v := range is.Options {
		if old, ok := was.Options[k]; !ok || old != v {
			set[k] = v
		}
	}
	for k, v := range was.Options {
		if _, ok := is.Options[k]; !ok {
			reset[k] = v
		}
	}
	if len(set) > 0 {
		events = append(events, Event{Operation: Set, Volume: is.Name, Options: set})
	}
	if len(reset) > 0 {
		events = append(events, Event{Operation: Reset, Volume: is.Name, Options: reset})
	}
	return events
}

// missing lists the bricks of one volume that another does not have.
func missing(in, of *volume.Volume) []volume.Brick {
	have := map[string]bool{}
	for _, b := range in.Bricks() {
		have[b.ID] = true
	}
	return slices.DeleteFunc(of.Bricks(), func(b volume.Brick) bool { return have[b.ID] })
}

func started(recs []store.Record[*volume.Volume]) int {
	n := 0
	for _, rec := range recs {
		if rec.Value.State == volume.Started {
			n++
		}
	}
	return n
}
