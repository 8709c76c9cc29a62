package brick

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
)

// maxFiles is how many open files are listed of one brick.
const maxFiles = 1000

// OpenFiles lists the files below a brick that a process has open, at most 1000. GlusterFS 10 does not tell them itself. What
// is closed meanwhile is left out.
func OpenFiles(pid int, brick string) ([]api.OpenFile, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, api.Errorf(api.Internal, "open files of process %d: %v", pid, err)
	}
	var out []api.OpenFile
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		path, err := os.Readlink(filepath.Join(dir, e.Name()))
		// The brick itself and GlusterFS' own files, such as the health check, are always open.
		if err != nil || !inside(path, brick) || path == brick || inside(path, brick+"/.glusterfs") && !isHandle(path[len(brick):]) {
			continue
		}
		out = append(out, api.OpenFile{FD: fd, Path: path[len(brick):], Mode: openMode(pid, fd)})
		if len(out) == maxFiles {
			break
		}
	}
	return out, nil
}

// isHandle reports whether a path below a brick is the link that GlusterFS keeps to a file under its gfid.
func isHandle(path string) bool {
	words := strings.Split(path, "/") // "", ".glusterfs", "ab", "cd", "abcd…"
	return len(words) == 5 && len(words[2]) == 2 && len(words[3]) == 2 && strings.HasPrefix(words[4], words[2]+words[3])
}

// openMode says whether a file is open to read, to write, or both; ? if it was closed meanwhile.
func openMode(pid, fd int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", pid, fd))
	if err != nil {
		return "?"
	}
	for line := range strings.Lines(string(text)) {
		flags, ok := strings.CutPrefix(line, "flags:")
		n, err := strconv.ParseInt(strings.TrimSpace(flags), 8, 64)
		if !ok || err != nil {
			continue
		}
		switch n & unix.O_ACCMODE {
		case unix.O_RDONLY:
			return "r"
		case unix.O_WRONLY:
			return "w"
		}
		return "rw"
	}
	return "?"
}
