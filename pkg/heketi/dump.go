package heketi

import (
	"bytes"
	"encoding/json"
	"strings"

	"gd2/pkg/api"
)

// Dump is Heketi's database as JSON (GET /db/dump): what each table holds, by id. Names that are not those of the API are Heketi's Go names.
type Dump struct {
	Clusters          map[string]ClusterEntry     `json:"clusterentries"`
	Volumes           map[string]VolumeEntry      `json:"volumeentries"`
	Bricks            map[string]BrickEntry       `json:"brickentries"`
	Nodes             map[string]NodeEntry        `json:"nodeentries"`
	Devices           map[string]DeviceEntry      `json:"deviceentries"`
	BlockVolumes      map[string]any              `json:"blockvolumeentries"`
	DbAttributes      map[string]DbAttributeEntry `json:"dbattributeentries"`
	PendingOperations map[string]map[string]any   `json:"pendingoperations"`
}

// ParseDump reads a dump. A field that Dump does not have is left aside, since other versions of Heketi may have more, and the first of them
// is named. The error is Invalid: it is no JSON of this form, or an entry stands twice in it.
func ParseDump(text []byte) (d Dump, unknown string, err error) {
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if odd := strict.Decode(&d); odd != nil {
		unknown = strings.TrimPrefix(odd.Error(), "json: ")
		d = Dump{}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return Dump{}, "", api.FieldErrorf("dump", "the dump is none of Heketi's database (GET /db/dump): %v", err)
	}
	if key := twice(text); key != "" {
		return Dump{}, "", api.FieldErrorf("dump", "%.80q stands twice in one place of the dump: which of the two is true?", key)
	}
	return d, unknown, nil
}

// twice returns a key that an object of a JSON text has more than once; "" if there is none.
func twice(text []byte) string {
	type object struct {
		keys  map[string]bool // nil for a list
		value bool            // what comes next is the value of a key
	}
	open := []object{{}}
	for dec := json.NewDecoder(bytes.NewReader(text)); ; {
		token, err := dec.Token()
		if err != nil {
			return "" // the end: the text was read before
		}
		in := &open[len(open)-1]
		if key, is := token.(string); is && in.keys != nil && !in.value {
			if in.keys[key] {
				return key
			}
			in.keys[key], in.value = true, true
			continue
		}
		switch in.value = false; token {
		case json.Delim('{'):
			open = append(open, object{keys: map[string]bool{}})
		case json.Delim('['):
			open = append(open, object{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

// PendingItem names the operation that makes or removes an entry; it is empty for all others.
type PendingItem struct{ Id string }

// ClusterEntry is a cluster.
type ClusterEntry struct{ Info ClusterInfo }

// NodeEntry is a node, with the ids of its devices.
type NodeEntry struct {
	State string
	Info  struct {
		NodeAddRequest
		ID string `json:"id"`
	}
	Devices []string
}

// DeviceEntry is a device, with the ids of its bricks. ExtentSize is in KiB.
type DeviceEntry struct {
	State string
	Info  struct {
		Name    string            `json:"name"`
		Tags    map[string]string `json:"tags,omitempty"`
		Storage Storage           `json:"storage"`
		ID      string            `json:"id"`
		Paths   []string          `json:"paths,omitempty"`
		PvUUID  string            `json:"pv_uuid,omitempty"`
	}
	Bricks     []string
	NodeId     string
	ExtentSize uint64
}

// VolumeEntry is a volume, with the ids of its bricks in no particular order.
type VolumeEntry struct {
	Info struct {
		VolumeCreateRequest
		ID        string    `json:"id"`
		Cluster   string    `json:"cluster"`
		Mount     Mount     `json:"mount"`
		BlockInfo BlockInfo `json:"blockinfo"`
	}
	Bricks               []string
	GlusterVolumeOptions []string
	Pending              PendingItem
}

// Types of BrickEntry.SubType.
const (
	SubTypeNormal  = 1
	SubTypeArbiter = 2
)

// BrickEntry is a brick. TpSize and PoolMetadataSize are those of its thin pool, in KiB; LvmThinPool and LvmLv are set if the
// logical volumes have names other than those made of the brick's id.
type BrickEntry struct {
	Info             BrickInfo
	TpSize           uint64
	PoolMetadataSize uint64
	Pending          PendingItem
	LvmThinPool      string
	LvmLv            string
	SubType          int
}

// DbAttributeEntry is a word about the database itself.
type DbAttributeEntry struct{ Key, Value string }

// BucketCheck is what a check of the database says of one table.
type BucketCheck struct {
	Total           int      `json:"total"`
	Pending         int      `json:"pending"`
	Ok              int      `json:"ok"`
	NotOk           int      `json:"notok"`
	Inconsistencies []string `json:"inconsistencies"`
}

// Check answers GET /db/check.
type Check struct {
	Clusters             BucketCheck `json:"clusters"`
	Volumes              BucketCheck `json:"volumes"`
	Bricks               BucketCheck `json:"bricks"`
	Nodes                BucketCheck `json:"nodes"`
	Devices              BucketCheck `json:"devices"`
	BlockVolumes         BucketCheck `json:"blockvolumes"`
	DbAttributes         BucketCheck `json:"dbattributes"`
	PendingOperations    BucketCheck `json:"pendingoperations"`
	TotalInconsistencies int         `json:"totalinconsistencies"`
}
