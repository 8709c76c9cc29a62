package cmd

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newPeerJoin(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "join [FILE]", Short: "Make this peer join the pool that issued a token", Args: wants(0, 1),
		Long: `Make this peer join the pool that issued the token (peer token). Run it as root on the new peer. It asks for the token, or
reads it from standard input, or from FILE; "-" is standard input. It takes no token as an argument: whoever may list the
processes of the host would see it.`,
	}
	c.RunE = a.do("peer join", func(ctx context.Context, args []string) error {
		token, err := a.token(args)
		if err != nil {
			return err
		}
		p, err := a.client.Join(ctx, api.PeerJoinReq{Token: strings.TrimSpace(token)})
		if err != nil {
			return err
		}
		return a.done(p, "peer join: success")
	})
	return c
}

// maxTokenFile is more than any token has.
const maxTokenFile = 64 << 10

// token asks for a join token, or reads it from where the arguments say.
func (a *app) token(args []string) (string, error) {
	switch {
	case len(args) == 1 && args[0] != "-":
		return tokenFromFile(args[0])
	case len(args) == 0 && a.CanAsk:
		say(a.Err, "Token: ")
		token, err := a.AskSecret()
		say(a.Err, "\n")
		if err != nil {
			return "", api.Errorf(api.Invalid, "the token cannot be read: %v", err)
		}
		return token, nil
	}
	return readToken(a.In)
}

func readToken(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxTokenFile))
	if err != nil {
		return "", api.Errorf(api.Invalid, "the token cannot be read: %v", err)
	}
	return string(text), nil
}

// tokenFromFile never repeats a name that is no file: it may be a token.
func tokenFromFile(name string) (token string, err error) {
	f, err := os.Open(name)
	var why *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &why) && strings.Contains(why.Err.Error(), "name too long"):
		return "", usagef("the argument is not a file; a token is not taken as an argument, since all who may list the processes of this host see it: use 'glustercli peer join' alone, which asks for it, or standard input. If that was a token, make a new one where others use this host")
	case err != nil:
		return "", api.FieldErrorf("file", "the token cannot be read: %v", why.Err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return readToken(f)
}
