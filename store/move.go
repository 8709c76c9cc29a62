package store

import (
	"context"
	"errors"
	"slices"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"gd2/pkg/api"
)

// advertised are the URLs by which others reach this peer's member.
type advertised struct{ peer, client []string }

// config is the configuration with the URLs by which the peer is known now.
func (s *Store) config() Config {
	c := s.cfg
	if a := s.moved.Load(); a != nil {
		c.AdvertisePeerURLs, c.AdvertiseClientURLs = a.peer, a.client
	}
	return c
}

// Readvertise changes the URLs by which others reach this peer's member, because the peer has moved. A member that runs
// is restarted with them; its data stays. It is not recorded: Config has the new URLs at the next start. The peer URLs
// that the other members know are changed by UpdateMember.
func (s *Store) Readvertise(peerURLs, clientURLs []string) error {
	if err := s.needEmbed(); err != nil {
		return err
	}
	for field, urls := range map[string][]string{"advertised etcdpurls": peerURLs, "advertised etcdcurls": clientURLs} {
		if _, err := parseURLs(field, urls, "https"); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed()
	}
	old := s.config()
	if sameURLs(old.AdvertisePeerURLs, peerURLs) && sameURLs(old.AdvertiseClientURLs, clientURLs) {
		return nil
	}
	s.moved.Store(&advertised{peer: slices.Clone(peerURLs), client: slices.Clone(clientURLs)})
	// Where the peer knows only itself it must find itself: others hear of it from the other members.
	urls := slices.DeleteFunc(slices.Clone(s.state.Endpoints), func(u string) bool { return slices.Contains(old.AdvertiseClientURLs, u) })
	if len(urls) < len(s.state.Endpoints) {
		if err := s.setEndpoints(append(urls, clientURLs...)); err != nil {
			return err
		}
	}
	if s.server.Load() == nil || s.state.Member == nil {
		return nil
	}
	s.server.Swap(nil).stop()
	if err := s.startRecorded(); err != nil {
		err = api.Errorf(api.Unavailable, "the store's member cannot be restarted at its new address yet: %v", err)
		s.parked.Store(api.AsError(err)) // it is tried again until it starts
		return err
	}
	return nil
}

// UpdateMember tells all members where a member is reached from now on. One that is gone is of kind NotFound.
func (s *Store) UpdateMember(ctx context.Context, id uint64, peerURLs []string) error {
	if err := s.needEmbed(); err != nil {
		return err
	}
	if _, err := parseURLs("peer URLs", peerURLs, "https"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	_, err := s.session.Load().client.MemberUpdate(ctx, id, peerURLs)
	if errors.Is(err, rpctypes.ErrPeerURLExist) {
		return api.Errorf(api.Exists, "another member of the store is reached at %v", peerURLs)
	}
	return membershipError("change the address of a member of the store", err)
}
