package volume

import "gd2/store"

// Records is the kind of the volumes' records, by name.
var Records = store.NewKind[*Volume](store.PrefixVolumes, 1).Shows("state", "options", "metadata")
