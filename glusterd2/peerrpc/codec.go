// Package peerrpc is the edge between peers: gRPC over mutual TLS, with JSON messages.
//
// The messages are the Go types of the layers below, so that there is one definition of each and no generated code.
package peerrpc

import (
	"context"
	"encoding/json"
	"errors"
	"net"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"gd2/pkg/api"
)

// service is the name of the one gRPC service.
const service = "gd2.Peer"

// MaxMessage is the largest message in bytes that a peer takes: a request to the store is at most 1.5 MiB.
const MaxMessage = 4 << 20

// codec carries gRPC messages as JSON.
type codec struct{}

func (codec) Name() string                       { return "json" }
func (codec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (codec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// toStatus turns an error into a gRPC status whose message is the api.Error in JSON, so that no kind or field is lost.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	var e *api.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, err.Error())
	}
	text, jerr := json.Marshal(api.AsError(err))
	if jerr != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return status.Error(codes.Aborted, string(text))
}

// fromStatus is the inverse of toStatus. What gRPC itself reports becomes Unavailable, Timeout or Internal; peer names
// the peer that was called.
func fromStatus(err error, peer string) error {
	if err == nil {
		return nil
	}
	st := status.Convert(err)
	var e api.Error
	if st.Code() == codes.Aborted && json.Unmarshal([]byte(st.Message()), &e) == nil {
		return &e
	}
	switch st.Code() {
	case codes.Unavailable:
		return api.Errorf(api.Unavailable, "peer %s cannot be reached: %s", peer, st.Message())
	case codes.DeadlineExceeded:
		return api.Errorf(api.Timeout, "peer %s did not answer in time", peer)
	case codes.Canceled:
		return context.Canceled
	case codes.Unimplemented:
		return api.Errorf(api.NotSupported, "peer %s does not know this call: it runs another version of gd2", peer)
	case codes.ResourceExhausted:
		return api.Errorf(api.TooLarge, "peer %s: %s", peer, st.Message())
	case codes.Unauthenticated, codes.PermissionDenied:
		return api.Errorf(api.Denied, "peer %s refused the call: %s", peer, st.Message())
	}
	return api.Errorf(api.Internal, "peer %s: %s", peer, st.Message())
}

func hostOf(addr net.Addr) string {
	if addr == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return host
}
