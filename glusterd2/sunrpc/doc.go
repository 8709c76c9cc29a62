// Package sunrpc is the edge towards the GlusterFS processes: bricks, mounts and daemons ask it for volfiles and
// ports, and it tells them when a volfile changed. It also takes port 24007 apart, which SunRPC shares with HTTP and TLS.
package sunrpc
