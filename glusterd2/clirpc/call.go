package clirpc

import (
	"context"
	"errors"
	"maps"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
	"gd2/transaction"
)

// maxRequest bounds the dictionary of a request, in bytes: a volume of a thousand bricks fits.
const maxRequest = 1 << 20

// answer is what a command says. Most leave it at the dictionary; the others have something to say in spite of their
// success, or a dictionary in spite of their failure.
type answer struct {
	ret, errno int32
	text       string
	dict       gfrpc.Dict
}

// command carries out a request.
type command func(ctx context.Context, in gfrpc.Dict) (answer, error)

// echo is a copy of a request: glusterd's answers have the keys of the request too, and the command gluster reads them.
func echo(in gfrpc.Dict) gfrpc.Dict { return maps.Clone(in) }

// read makes a procedure of a command that changes nothing.
func (s *Server) read(run command) gfrpc.Procedure {
	return func(ctx context.Context, args *gfrpc.Reader) ([]byte, error) {
		in, err := gfrpc.ParseDict(args.Opaque(maxRequest))
		if args.Err() != nil {
			return nil, args.Err()
		}
		var a answer
		if err == nil {
			a, err = s.carryOut(ctx, in, run)
		}
		if err != nil {
			f := faultOf(err)
			a = answer{ret: f.ret, errno: f.errno, text: f.text, dict: in} // some commands print the reason only with the request beside it
		}
		return encode(a), nil
	}
}

// change makes a procedure of a command that changes something: it waits for those that are in its way.
func (s *Server) change(name string, run command) gfrpc.Procedure {
	return s.read(func(ctx context.Context, in gfrpc.Dict) (a answer, err error) {
		by := api.Actor{User: "uid 0", From: "the command gluster"}
		err = s.patiently(ctx, func(ctx context.Context) error {
			a, err = run(transaction.WithRequest(ctx, &transaction.Request{By: by}), in)
			return err
		})
		s.cfg.Log.WithField("command", in.String("cmd-str")).WithError(err).Debug(name)
		s.remember(in.String("cmd-str"), a, err)
		return a, err
	})
}

// remember has a change noted in the history of commands, with the reason that the command prints.
func (s *Server) remember(command string, a answer, err error) {
	switch {
	case s.cfg.History == nil || command == "":
		return
	case err != nil:
		err = faultOf(err)
	case a.ret != 0:
		err = failed(a.errno, a.text)
	}
	s.cfg.History(command, err)
}

func (s *Server) carryOut(ctx context.Context, in gfrpc.Dict, run command) (answer, error) {
	if s.cfg.Refuse != nil {
		if why := s.cfg.Refuse(); why != nil {
			return answer{}, why
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	return run(ctx, in)
}

// encode writes the result of a command.
func encode(a answer) []byte {
	if a.dict == nil {
		a.dict = gfrpc.Dict{}
	}
	return new(gfrpc.Writer).Int32(a.ret).Int32(a.errno).String(a.text).Opaque(a.dict.Marshal()).Bytes()
}

// Numbers of errors of glusterd that errno(3) does not have.
const (
	errInternal  = 30800
	errNotThere  = 30801 // not supported
	errBusy      = 30802 // another transaction
	errPeerDown  = 30804
	errNoVolume  = 30806
	errNotJoined = 107 // ENOTCONN
)

// fault is an error as glusterd tells it.
type fault struct {
	ret, errno int32
	text       string
}

// Error implements error.
func (f *fault) Error() string { return f.text }

// failed is a fault with the usual status, and a text of glusterd's that scripts look for.
func failed(errno int32, text string) *fault { return &fault{ret: -1, errno: errno, text: text} }

// faultOf puts an error in the form of glusterd.
func faultOf(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	e := api.AsError(err)
	errno := int32(errInternal)
	switch {
	case withoutQuorum(err):
		return failed(errInternal, "Quorum not met. Volume operation not allowed. ("+e.Error()+")")
	case e.Kind == api.NotSupported:
		errno = errNotThere
	case e.Kind == api.Unavailable:
		errno = errPeerDown
	case e.Kind == api.Conflict:
		return failed(errBusy, "Another transaction is in progress. Please try again after some time. ("+e.Error()+")")
	}
	return failed(errno, strings.TrimSpace(e.Error()))
}

// volumeField is the field of errors that names the volume which is not there, is there already, or not in the state that the
// command needs it in; other refusals about a volume do not have it.
const volumeField = "volume"

// aboutVolume puts the commonest refusals in the words of glusterd. wrongState has them for a volume in a state in which
// the command is not possible, with a %s for its name.
func aboutVolume(err error, wrongState string) error {
	if err == nil {
		return nil
	}
	e := api.AsError(err)
	name, ok := e.Fields[volumeField]
	switch {
	case !ok:
		return err
	case e.Kind == api.NotFound:
		return failed(errNoVolume, "Volume "+name+" does not exist")
	case e.Kind == api.Exists:
		return failed(0, "Volume "+name+" already exists")
	case e.Kind == api.State && wrongState != "":
		return failed(errInternal, strings.ReplaceAll(wrongState, "%s", name))
	}
	return err
}
