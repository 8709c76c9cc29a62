package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gd2/pkg/api"
)

// Headers of a delivery.
const (
	// HeaderSignature is "sha256=" and the HMAC-SHA256 of the body with the webhook's secret, in hex.
	HeaderSignature = "X-Gluster-Signature"
	// HeaderEvent and HeaderEventID repeat the name and the id of the event. A receiver that has seen the id has the event.
	HeaderEvent   = "X-Gluster-Event"
	HeaderEventID = "X-Gluster-Event-Id"
)

// Limits of one attempt.
const (
	dialTimeout    = 3 * time.Second
	attemptTimeout = 10 * time.Second
	// tokenLife is how long a signed token is good, as in glusterd2.
	tokenLife = 10 * time.Second
	// maxAnswer is what is read of an answer, so that the connection can be used again.
	maxAnswer = 4 << 10
)

// Sender makes the attempts. The zero value is not usable: see NewSender.
type Sender struct {
	client  *http.Client
	version string
	now     func() time.Time
}

// NewSender returns a sender of a daemon of this version. It knows no proxy and goes where no redirect says.
func NewSender(version string) *Sender {
	return &Sender{version: version, now: time.Now, client: &http.Client{
		Timeout:       attemptTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: dialTimeout, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: maxAnswer,
		},
	}}
}

// Close lets go of idle connections.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

// Send makes one attempt to deliver an event. An answer of 2xx is success. Errors are Unavailable and say nothing
// that is secret.
func (s *Sender) Send(ctx context.Context, w Webhook, e *api.Event) error {
	req, err := s.request(ctx, w, e)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return api.Errorf(api.Unavailable, "%s", reason(err))
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	_ = resp.Body.Close() // what it says is nobody's concern
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return api.Errorf(api.Unavailable, "the receiver answered %d, a redirect, which is not followed", code)
	default:
		return api.Errorf(api.Unavailable, "the receiver answered %d", code)
	}
}

func (s *Sender) request(ctx context.Context, w Webhook, e *api.Event) (*http.Request, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, api.Errorf(api.Internal, "the event cannot be written as JSON: %v", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return nil, api.Errorf(api.Internal, "%s", reason(err))
	}
	h := req.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "glusterd2/"+s.version)
	h.Set(HeaderEvent, e.Name)
	h.Set(HeaderEventID, e.ID)
	if w.Secret != "" {
		h.Set(HeaderSignature, Sign(w.Secret, body))
	}
	token := w.Token
	if token == "" && w.Secret != "" {
		if token, err = s.token(w.Secret, e.Name); err != nil {
			return nil, err
		}
	}
	if token != "" {
		h.Set("Authorization", "bearer "+token)
	}
	return req, nil
}

// token is what glusterd2 signs with the secret: a JSON web token about the name of the event.
func (s *Sender) token(secret, name string) (string, error) {
	now := s.now()
	t, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: name, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(tokenLife)),
	}).SignedString([]byte(secret))
	if err != nil {
		return "", api.Errorf(api.Internal, "the token cannot be signed")
	}
	return t, nil
}

// Sign returns the signature of a body.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write(body) // never fails
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// reason puts a failure in words that do not repeat the URL, whose query may be secret.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return fmt.Sprintf("the receiver did not answer within %s", attemptTimeout)
		}
		err = u.Err
	}
	return err.Error()
}
