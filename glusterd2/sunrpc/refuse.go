package sunrpc

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"gd2/pkg/api"
)

const (
	// refuseTime bounds how long a refused caller may take to read why.
	refuseTime = 2 * time.Second
	// refuseDrain is how much of its request is read in that time, in bytes. Closing with unread data would reset
	// the connection, and the answer could be lost.
	refuseDrain = 64 << 10
)

// refusePlain answers any HTTP request with an error that says to use https, and closes the connection.
func refusePlain(c *muxConn) {
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(refuseTime)); err != nil {
		return
	}
	e := api.Errorf(api.Forbidden, "plain HTTP is not served to %s: use https://%s", c.RemoteAddr(), c.LocalAddr())
	body, err := json.Marshal(e.Body())
	if err != nil {
		return
	}
	_, err = fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		e.Status(), http.StatusText(e.Status()), len(body), body)
	if err != nil || c.CloseWrite() != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c, refuseDrain)
}
