package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// stat is what /proc/PID/stat says of a process that matters here.
type stat struct {
	// state is one letter; Z and X are processes that are dead already.
	state byte
	// started is in clock ticks since the host booted: with the pid it names a process for all time.
	started uint64
}

// readStat reads /proc/PID/stat. The command's name, second field, may contain spaces and parentheses, so the fields
// are counted from the last parenthesis.
func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 20 {
		return stat{}, fmt.Errorf("/proc/%d/stat has %d fields after the name, want 20 at least", pid, len(fields))
	}
	started, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("/proc/%d/stat: start time: %w", pid, err)
	}
	return stat{state: fields[0][0], started: started}, nil
}

// readCmdline returns the arguments of a process, the program's name first.
func readCmdline(pid int) ([]string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, nil // a zombie, or a thread of the kernel
	}
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00"), nil
}
