package cmd

import (
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// The exit codes of glustercli. They are part of its interface; docs/cli.md lists them.
const (
	// ExitOK is success.
	ExitOK = 0
	// ExitFailed is a request that the pool refused or could not carry out, and any other failure.
	ExitFailed = 1
	// ExitUsage is a command line that makes no sense, or a question that nobody was there to answer; nothing was asked of the pool.
	ExitUsage = 2
	// ExitNotFound is a volume, peer, option or transaction that does not exist.
	ExitNotFound = 3
	// ExitConflict is something that exists already, or a clash with a change in progress.
	ExitConflict = 4
	// ExitDenied is a request without sufficient proof of who asks, or one that the rules forbid.
	ExitDenied = 5
	// ExitUnreachable is a pool, a peer or a quorum that cannot be reached.
	ExitUnreachable = 6
	// ExitTimeout is a request that did not end in time; the pool may still carry it out.
	ExitTimeout = 7
	// ExitPartial is a command that did a part of what it was asked.
	ExitPartial = 8
)

// exitCode returns the exit code for an error.
func exitCode(err error) int {
	if isUsage(err) {
		return ExitUsage
	}
	if isPartial(err) {
		return ExitPartial
	}
	if _, ok := client.IsPending(err); ok {
		return ExitTimeout
	}
	switch api.AsError(err).Kind {
	case api.NotFound:
		return ExitNotFound
	case api.Exists, api.Conflict, api.Precondition:
		return ExitConflict
	case api.Denied, api.Forbidden:
		return ExitDenied
	case api.Unavailable:
		return ExitUnreachable
	case api.Timeout:
		return ExitTimeout
	case api.Internal, api.Invalid, api.State, api.TooLarge, api.NotSupported, api.MethodNotAllowed, api.TooMany, api.KeyReused:
		return ExitFailed
	}
	return ExitFailed
}
