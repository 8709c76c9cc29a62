package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPage(t *testing.T) {
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RequestURI()
		w.Header().Set("X-Gluster-Next", "b")
		_, _ = io.WriteString(w, `[{"id":"1","name":"a"},{"id":"2","name":"b"}]`)
	}))
	defer s.Close()
	c, err := New(Config{Endpoints: []string{s.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	volumes, err := c.VolumePage(t.Context(), Filter{Selector: "a=b,!c", Limit: 2, Cursor: "x y"})
	if want := "/v1/volumes?cursor=x+y&limit=2&selector=a%3Db%2C%21c"; err != nil || volumes.Next != "b" || len(volumes.Items) != 2 || asked != want {
		t.Errorf("%+v, %v, asked %s, want %s", volumes, err, asked, want)
	}
	peers, err := c.PeerFields(t.Context(), Filter{Key: "rack"}, "id", "name")
	if want := "/v1/peers?fields=id%2Cname&key=rack"; err != nil || string(peers.Items[0]["name"]) != `"a"` || asked != want {
		t.Errorf("%+v, %v, asked %s, want %s", peers, err, asked, want)
	}
}
