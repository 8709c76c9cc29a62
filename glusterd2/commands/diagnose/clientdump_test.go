package diagnose

import (
	"testing"

	"gd2/pkg/api"
)

func TestClientDump(t *testing.T) {
	r := newRig(t)
	for client, through := range map[string]string{"10.0.0.7:4711": "p2", "[::ffff:10.0.0.7]:1": "p2", "127.0.0.1:4711": "p1"} {
		got, err := r.c.Statedump(t.Context(), "gv", api.StatedumpReq{Client: client})
		if err != nil || len(got) != 1 || got[0].PeerID != through || got[0].Kind != api.ProcessClient {
			t.Errorf("%s: %+v, %v", client, got, err)
		}
	}
	_, err := r.c.Statedump(t.Context(), "gv", api.StatedumpReq{Client: "10.0.0.8:1"})
	refused(t, err, api.NotFound, "client")
	for _, client := range []string{"10.0.0.7", ":7", "10.0.0.7:0", "10.0.0.7:-1", "10.0.0.7:99999999999", "a b:1"} {
		_, err := r.c.Statedump(t.Context(), "gv", api.StatedumpReq{Client: client})
		refused(t, err, api.Invalid, "client")
	}
	_, err = r.c.Statedump(t.Context(), "gv", api.StatedumpReq{Client: "10.0.0.7:1", Quota: true})
	refused(t, err, api.Invalid, "client")
}
