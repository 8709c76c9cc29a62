// Package gfrpc speaks the management protocol of GlusterFS: SunRPC version 2 over stream sockets, XDR, and the
// untyped dictionary (dict_t) that most GlusterFS messages carry. It has the codec, a client, and the calls that gd2
// makes to bricks and daemons. The server is package sunrpc.
//
// Everything that decodes treats its input as hostile: lengths are checked against the bytes that are really there
// before anything is allocated. Wire facts were measured on GlusterFS 10.3.
package gfrpc
