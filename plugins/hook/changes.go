package hook

import (
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
	if missing(was, is) {
		events = append(events, Event{Operation: AddBrick, Volume: is.Name})
	}
	if missing(is, was) || leave(was, is) {
		events = append(events, Event{Operation: RemoveBrick, Volume: is.Name})
	}
	if was.Options[volume.OptionQuota] != is.Options[volume.OptionQuota] {
		return events // switching a quota is nothing that glusterd's scripts hear of
	}
	return append(events, optionChanges(is.Name, was.Options, is.Options)...)
}

// optionChanges tells of options, of a volume or of the pool, that were set, and of those that were reset.
func optionChanges(name string, was, is map[string]string) (events []Event) {
	set := map[string]string{}
	for k, v := range is {
		if old, ok := was[k]; !ok || old != v {
			set[k] = v
		}
	}
	if len(set) > 0 {
		events = append(events, Event{Operation: Set, Volume: name, Options: set})
	}
	for k := range was {
		if _, ok := is[k]; !ok {
			return append(events, Event{Operation: Reset, Volume: name})
		}
	}
	return events
}

// missing reports whether a volume has a brick in a place where another one has none. A brick that takes the place of another is
// nothing that glusterd's scripts hear of; it has the number of its client.
func missing(in, of *volume.Volume) bool {
	have := map[int]bool{}
	for b := range in.All() {
		have[b.Client] = true
	}
	for b := range of.All() {
		if !have[b.Client] {
			return true
		}
	}
	return false
}

// leave reports whether a brick has begun to leave the volume.
func leave(was, is *volume.Volume) bool {
	leaves := map[int]bool{}
	for b := range was.All() {
		leaves[b.Client] = b.Leaving
	}
	for b := range is.All() {
		if b.Leaving && !leaves[b.Client] {
			return true
		}
	}
	return false
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
