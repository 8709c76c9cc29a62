package lab

import (
	"time"

	"gd2/pkg/client"
)

// ClientWithin is a client as Client makes, whose every request takes at most the time.
func (p *Peer) ClientWithin(limit time.Duration) (*client.Client, error) {
	return client.New(client.Config{Endpoints: []string{"unix://" + p.Path(Socket)}, Timeout: limit})
}

// AsyncClient is a client as Client makes, which waits for no change: one that has begun is a *client.Pending.
func (p *Peer) AsyncClient() (*client.Client, error) {
	return client.New(client.Config{Endpoints: []string{"unix://" + p.Path(Socket)}, Async: true})
}
