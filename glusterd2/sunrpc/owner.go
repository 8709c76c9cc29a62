package sunrpc

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Columns of /proc/net/tcp, and the state of a connection that is whole. Others do not count: the kernel shows user 0
// for sockets that their process closed already.
const (
	columnLocal = 1
	columnPeer  = 2
	columnState = 3
	columnUID   = 7
	columnInode = 9

	stateEstablished = "01"
)

// ProcSocketOwner is the SocketOwner that reads /proc/net/tcp and /proc/net/tcp6. Its cost grows with the number of
// sockets on the host.
func ProcSocketOwner(local, remote netip.AddrPort) (uint32, bool) {
	for _, table := range []struct {
		file string
		v6   bool
	}{{"/proc/net/tcp", false}, {"/proc/net/tcp6", true}} {
		if !table.v6 && !local.Addr().Is4() {
			continue
		}
		if uid, ok := ownerIn(table.file, procAddr(local, table.v6), procAddr(remote, table.v6)); ok {
			return uid, true
		}
	}
	return 0, false
}

// procAddr writes an address as the kernel does: each 32-bit word as a number in the byte order of the host, a colon,
// and the port.
func procAddr(a netip.AddrPort, v6 bool) string {
	b := a.Addr().AsSlice()
	if v6 {
		b16 := a.Addr().As16()
		b = b16[:]
	}
	var text strings.Builder
	for w := 0; w+4 <= len(b); w += 4 {
		fmt.Fprintf(&text, "%08X", binary.NativeEndian.Uint32(b[w:]))
	}
	fmt.Fprintf(&text, ":%04X", a.Port())
	return text.String()
}

func ownerIn(file, local, remote string) (uint32, bool) {
	f, err := os.Open(file)
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// Compare before splitting: of thousands of lines one matches.
		if !bytes.Contains(lines.Bytes(), []byte(local)) {
			continue
		}
		col := bytes.Fields(lines.Bytes())
		if len(col) <= columnInode || string(col[columnLocal]) != local || string(col[columnPeer]) != remote {
			continue
		}
		if string(col[columnState]) != stateEstablished || string(col[columnInode]) == "0" {
			return 0, false
		}
		uid, err := strconv.ParseUint(string(col[columnUID]), 10, 32)
		return uint32(uid), err == nil
	}
	return 0, false
}
