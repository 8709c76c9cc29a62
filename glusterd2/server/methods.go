package server

import (
	"context"
	"encoding/json"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/peerrpc"
	"gd2/pkg/api"
	"gd2/transaction"
)

// methods is every call that this peer answers to others.
func (s *Server) methods() []peerrpc.Method {
	return append(append(s.joinMethods(), s.operationMethods()...),
		peerrpc.Handle(methodRunStep, false, func(ctx context.Context, _ peerrpc.Caller, req transaction.StepRequest) (transaction.StepReply, error) {
			return s.engine.HandleStep(ctx, req)
		}),
		peerrpc.Handle(ask.Method, false, func(ctx context.Context, _ peerrpc.Caller, req ask.Request) (json.RawMessage, error) {
			return s.asker.Serve(ctx, req)
		}),
		peerrpc.Handle(methodSurvey, false, func(ctx context.Context, _ peerrpc.Caller, req transaction.SurveyRequest) (transaction.SurveyReply, error) {
			return s.engine.HandleSurvey(ctx, req)
		}),
		peerrpc.Handle(volumes.MethodReport, false, func(ctx context.Context, _ peerrpc.Caller, req volumes.ReportRequest) (volumes.Report, error) {
			return s.volumes.ReportLocal(ctx, req)
		}),
		peerrpc.Handle(peer.MethodStartMember, false, func(ctx context.Context, _ peerrpc.Caller, req peer.StartMemberRequest) (peer.Empty, error) {
			return peer.Empty{}, s.startMember(ctx, req)
		}),
		peerrpc.Handle(peer.MethodStopMember, false, func(ctx context.Context, _ peerrpc.Caller, _ peer.Empty) (peer.Empty, error) {
			return peer.Empty{}, s.store.StopMember(ctx)
		}),
		peerrpc.Handle(peer.MethodRenew, false, func(ctx context.Context, from peerrpc.Caller, req peer.RenewRequest) (peer.RenewReply, error) {
			return s.peers.Renew(ctx, from.PeerID, req)
		}),
		peerrpc.Handle(peer.MethodAdmit, false, func(ctx context.Context, _ peerrpc.Caller, req peer.AdmitRequest) (peer.JoinReply, error) {
			return s.peers.AdmitFor(ctx, req)
		}),
		peerrpc.Handle(peer.MethodLeave, false, func(ctx context.Context, _ peerrpc.Caller, _ peer.Empty) (peer.Empty, error) {
			return peer.Empty{}, s.peers.Left(ctx)
		}),
	)
}

// joinMethods are the calls that strangers may make.
func (s *Server) joinMethods() []peerrpc.Method {
	return []peerrpc.Method{
		peerrpc.Handle(peer.MethodHello, true, func(context.Context, peerrpc.Caller, peer.Empty) (peer.Empty, error) {
			return peer.Empty{}, nil
		}),
		peerrpc.Handle(peer.MethodProve, true, func(_ context.Context, from peerrpc.Caller, req peer.ProofMessage) (peer.ProofMessage, error) {
			prover, err := s.verifyInviter(from, req.Proof)
			if err != nil {
				return peer.ProofMessage{}, err
			}
			proof, err := prover.Prove(peer.RoleInvited, from.TLS)
			return peer.ProofMessage{Proof: proof}, err
		}),
		peerrpc.Handle(peer.MethodInvite, true, func(ctx context.Context, from peerrpc.Caller, req peer.Invitation) (peer.Peer, error) {
			prover, err := s.verifyInviter(from, req.Proof)
			if err != nil {
				return peer.Peer{}, err
			}
			if prover.Open() {
				s.log.Entry("join").WithField("from", from.Host).Warn("this peer is taken into a pool without any proof: join is open")
			}
			return s.peers.Invited(ctx, req)
		}),
		peerrpc.Handle(peer.MethodStanding, true, func(ctx context.Context, from peerrpc.Caller, _ peer.Empty) (peer.Standing, error) {
			return s.standing(ctx, from)
		}),
		peerrpc.Handle(peer.MethodJoin, true, func(ctx context.Context, from peerrpc.Caller, req peer.JoinRequest) (peer.JoinReply, error) {
			return s.peers.Admit(ctx, from.Host, req)
		}),
	}
}

func (s *Server) verifyInviter(from peerrpc.Caller, proof string) (*peer.Prover, error) {
	prover, err := s.prover()
	if err != nil {
		return nil, err
	}
	if prover == nil {
		return nil, api.Errorf(api.Denied, "this peer has no pool-secret in its configuration: set the same on both peers, or use 'glustercli peer join' on it, with a token of the other; without any proof, as with glusterd, they join with join = open on both")
	}
	if err := prover.Verify(peer.RoleInviter, proof, from.TLS); err != nil {
		s.log.Entry("join").WithField("from", from.Host).Warnf("an invitation was refused: %v", err)
		return nil, err
	}
	return prover, nil
}

// member checks that a certificate of the pool's authority belongs to a present member.
func (s *Server) member(peerID, serial string) error {
	if err := s.peers.NotInPool(); err != nil {
		return err
	}
	if err := s.net.refuse(peerID, serial); err != nil {
		return err
	}
	if _, ok, err := peer.Records.Get(s.store, peerID); err != nil || !ok {
		return api.Errorf(api.Denied, "peer %s is not in the pool", peerID)
	}
	return nil
}
