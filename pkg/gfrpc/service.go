package gfrpc

import "context"

// Procedure answers one call: it reads its arguments and returns the encoded result. If an argument was wrong the Reader
// remembers, and the caller is told so. Any other error closes the connection without an answer.
type Procedure func(ctx context.Context, args *Reader) ([]byte, error)

// Service is a program with what answers its calls, by the number of the procedure.
type Service struct {
	Program
	Procedures map[uint32]Procedure
}
