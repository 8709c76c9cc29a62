package api

// ReplaceBrickReq puts a brick elsewhere in the place of another one (POST /v1/volumes/{volname}/replacebrick). Peers are named
// by id, name or address. The destination is an addition; without it a brick that gd2 has made goes where its volume's rules
// want it, as with glusterd2. Force lifts the guards on bricks
// and the demand that all other bricks of the set are online, though not on as many as hold the files.
type ReplaceBrickReq struct {
	SrcPeerID  string          `json:"src-peerid"`
	SrcPath    string          `json:"src-brickpath"`
	DestPeerID string          `json:"dest-peerid,omitempty"`
	DestPath   string          `json:"dest-brickpath,omitempty"`
	Force      bool            `json:"force,omitempty"`
	Flags      map[string]bool `json:"flags,omitempty"`
}

// ResetBrickReq names a brick that is taken out of service (POST /v1/volumes/{volname}/resetbrick/start; an addition), and later
// made anew at the same place (…/resetbrick/commit). Force and Flags are as in ReplaceBrickReq.
type ResetBrickReq struct {
	PeerID string          `json:"peerid"`
	Path   string          `json:"brickpath"`
	Force  bool            `json:"force,omitempty"`
	Flags  map[string]bool `json:"flags,omitempty"`
}
