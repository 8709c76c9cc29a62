package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"time"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/commands/peers"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/peerrpc"
	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
	"gd2/transaction"
)

// The calls that carry the steps of transactions, and the looks at hosts for their plans.
const (
	methodRunStep = "RunStep"
	methodSurvey  = "SurveyStep"
)

// network carries the calls of the lower floors to other peers.
type network struct {
	client  *peerrpc.Client
	dir     *pki.Dir
	records store.Reader
}

var (
	_ transaction.Transport = (*network)(nil)
	_ peers.Network         = (*network)(nil)
	_ volumes.Network       = (*network)(nil)
	_ peer.Remote           = (*network)(nil)
)

func newNetwork(dir *pki.Dir, r store.Reader) *network {
	n := &network{dir: dir, records: r}
	n.client = peerrpc.NewClient(peerrpc.ClientConfig{
		TLS: n.clientTLS,
		Address: func(peerID string) (string, error) {
			rec, ok, err := peer.Records.Get(r, peerID)
			if err != nil || !ok {
				return "", api.Errorf(api.NotFound, "peer %s is not in the pool", peerID)
			}
			return rec.Value.PeerAddress, nil
		},
		Refuse: n.refuse,
	})
	return n
}

// clientTLS is how this peer dials members of its pool.
func (n *network) clientTLS() (*tls.Config, error) {
	roots, err := n.dir.Pool()
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: pki.ServerName,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return n.dir.Certificate() }}, nil
}

// serverTLS is how this peer answers: callers with a certificate must have one of the pool; callers without may only
// use the methods by which peers join.
func (n *network) serverTLS() (*tls.Config, error) {
	roots, err := n.dir.Pool()
	if err != nil {
		return nil, err
	}
	cert, err := n.dir.Certificate()
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{*cert}, NextProtos: []string{"h2"},
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: roots}, nil
}

// refuse returns an error for a certificate that was revoked.
func (n *network) refuse(peerID, serial string) error {
	if _, revoked, err := peer.Revoked.Get(n.records, serial); err != nil || revoked {
		return api.Errorf(api.Denied, "the certificate of peer %s was revoked", peerID)
	}
	return nil
}

// RunStep implements transaction.Transport.
func (n *network) RunStep(ctx context.Context, peerID string, req transaction.StepRequest) (transaction.StepReply, error) {
	return peerrpc.Call[transaction.StepReply](ctx, n.client, peerID, methodRunStep, req)
}

// Ask carries a question to another peer.
func (n *network) Ask(ctx context.Context, peerID string, req ask.Request) (json.RawMessage, error) {
	return peerrpc.Call[json.RawMessage](ctx, n.client, peerID, ask.Method, req)
}

// Survey implements transaction.Transport.
func (n *network) Survey(ctx context.Context, peerID string, req transaction.SurveyRequest) (transaction.SurveyReply, error) {
	return peerrpc.Call[transaction.SurveyReply](ctx, n.client, peerID, methodSurvey, req)
}

// Report implements volumes.Network.
func (n *network) Report(ctx context.Context, peerID string, req volumes.ReportRequest) (volumes.Report, error) {
	return peerrpc.Call[volumes.Report](ctx, n.client, peerID, volumes.MethodReport, req)
}

// StartMember implements peer.Remote.
func (n *network) StartMember(ctx context.Context, peerID string, cluster map[string][]string) error {
	_, err := peerrpc.Call[peer.Empty](ctx, n.client, peerID, peer.MethodStartMember, peer.StartMemberRequest{InitialCluster: cluster})
	return err
}

// StopMember implements peer.Remote.
func (n *network) StopMember(ctx context.Context, peerID string) error {
	_, err := peerrpc.Call[peer.Empty](ctx, n.client, peerID, peer.MethodStopMember, peer.Empty{})
	return err
}

// Leave implements peers.Network.
func (n *network) Leave(ctx context.Context, p *peer.Peer) error {
	_, err := callAside[peer.Empty](ctx, n, p, peer.MethodLeave, nil) // its certificate was just revoked
	return err
}

// Knock implements peers.Network.
func (n *network) Knock(ctx context.Context, p *peer.Peer) error {
	_, err := callAside[peer.Empty](ctx, n, p, peer.MethodHello, n.refuse)
	return err
}

// Standing asks another peer what this one is in the pool.
func (n *network) Standing(ctx context.Context, p *peer.Peer) (peer.Standing, error) {
	return callAside[peer.Standing](ctx, n, p, peer.MethodStanding, n.refuse)
}

// callAside makes a call over a connection of its own to a peer that the records may not have, or may have wrong: it
// must be that peer and have a certificate of the pool's authority.
func callAside[Rep any](ctx context.Context, n *network, p *peer.Peer, method string, refuse func(peerID, serial string) error) (Rep, error) {
	aside := peerrpc.NewClient(peerrpc.ClientConfig{
		TLS: n.clientTLS, Address: func(string) (string, error) { return p.PeerAddress, nil }, Refuse: refuse,
	})
	defer aside.Close()
	return peerrpc.Call[Rep](ctx, aside, p.ID, method, peer.Empty{})
}

// Admit implements peers.Network.
func (n *network) Admit(ctx context.Context, peerID string, req peer.AdmitRequest) (peer.JoinReply, error) {
	return peerrpc.Call[peer.JoinReply](ctx, n.client, peerID, peer.MethodAdmit, req)
}

// Renew implements peers.Network.
func (n *network) Renew(ctx context.Context, peerID string, req peer.RenewRequest) (peer.RenewReply, error) {
	return peerrpc.Call[peer.RenewReply](ctx, n.client, peerID, peer.MethodRenew, req)
}

// Reset implements peers.Network.
func (n *network) Reset() { n.client.Reset() }

// helloTimeout bounds the wait for the first answer of a peer that may not be there.
const helloTimeout = 5 * time.Second

// Invite implements peers.Network. The stranger's certificate is of its own making, so it is not verified: both sides
// prove the pool secret over keys of this very connection instead, the inviter first, and a token is only sent then.
func (n *network) Invite(ctx context.Context, address string, prover *peer.Prover, makeToken func() (string, error)) (peer.Peer, error) {
	s, err := peerrpc.DialStranger(address, &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}) //nolint:gosec // see above
	if err != nil {
		return peer.Peer{}, err
	}
	defer closeQuietly(s)
	hctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	_, conn, err := peerrpc.CallStranger[peer.Empty](hctx, s, peer.MethodHello, peer.Empty{})
	if err != nil {
		return peer.Peer{}, err
	}
	proof, err := prover.Prove(peer.RoleInviter, conn)
	if err != nil {
		return peer.Peer{}, err
	}
	answer, _, err := peerrpc.CallStranger[peer.ProofMessage](ctx, s, peer.MethodProve, peer.ProofMessage{Proof: proof})
	if err != nil {
		return peer.Peer{}, err
	}
	if err := prover.Verify(peer.RoleInvited, answer.Proof, conn); err != nil {
		return peer.Peer{}, err
	}
	token, err := makeToken()
	if err != nil {
		return peer.Peer{}, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return peer.Peer{}, err
	}
	joined, _, err := peerrpc.CallStranger[peer.Peer](ctx, s, peer.MethodInvite, peer.Invitation{Proof: proof, Token: token, Address: host})
	return joined, err
}

// Join implements peers.Network.
func (n *network) Join(ctx context.Context, token peer.Token, req peer.JoinRequest) (peer.JoinReply, error) {
	var failed error
	for _, address := range token.Addresses {
		reply, err := joinAt(ctx, address, token.Authority, req)
		if !api.IsKind(err, api.Unavailable, api.Timeout) {
			return reply, err
		}
		failed = err
	}
	return peer.JoinReply{}, failed
}

func joinAt(ctx context.Context, address, authority string, req peer.JoinRequest) (peer.JoinReply, error) {
	s, err := peerrpc.DialStranger(address, &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, //nolint:gosec // verified below
		VerifyConnection: func(cs tls.ConnectionState) error { return verifyAuthority(cs, authority) }})
	if err != nil {
		return peer.JoinReply{}, err
	}
	defer closeQuietly(s)
	reply, _, err := peerrpc.CallStranger[peer.JoinReply](ctx, s, peer.MethodJoin, req)
	return reply, err
}

// closeQuietly ends a connection that has served its purpose.
func closeQuietly(s *peerrpc.Stranger) { _ = s.Close() }

// verifyAuthority checks that a server's certificate was signed by the authority with the fingerprint.
func verifyAuthority(cs tls.ConnectionState, fingerprint string) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	for _, c := range cs.PeerCertificates {
		if pki.Fingerprint(c) != fingerprint {
			continue
		}
		roots := x509.NewCertPool()
		roots.AddCert(c)
		_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: pki.ServerName})
		return err
	}
	return errors.New("the server does not belong to the pool that issued the token")
}
