package lab

import (
	"time"

	"gd2/pkg/client"
)

// ClientWithin is a client as Client makes, whose every request takes at most the time.
func (p *Peer) ClientWithin(limit time.Duration) (*client.Client, error) {
	return client.New(client.Config{Endpoints: []string{"unix://" + p.Path(Socket)}, Timeout: limit})
}
