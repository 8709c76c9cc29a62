package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// dirPrefix begins the name of every lab's folder.
const dirPrefix = "gd2-lab-"

// ownerFile, in a lab's folder, names the process that made it: its id and its start time.
const ownerFile = "owner"

// makeDir makes the folder of a lab and records whose it is.
func makeDir(parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, dirPrefix)
	if err != nil {
		return "", err
	}
	self, err := identity(os.Getpid())
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, ownerFile), []byte(self), 0o600)
}

// removeLeftovers removes the folders of labs whose makers are dead. Their processes are dead already.
func removeLeftovers(parent string) error {
	dirs, err := filepath.Glob(filepath.Join(parent, dirPrefix+"*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		owner, err := os.ReadFile(filepath.Join(dir, ownerFile))
		if err != nil {
			continue // it is just being made, or just being removed
		}
		var pid int
		if _, err := fmt.Sscan(string(owner), &pid); err != nil {
			continue
		}
		if now, err := identity(pid); err != nil || now != string(owner) {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

// identity is a process's id and its start time in clock ticks since boot: no other process ever has the same two.
func identity(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The second field is the command in parentheses and may hold anything; the start time is field 22.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const start = 22 - 3
	if len(fields) <= start {
		return "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return fmt.Sprintf("%d %s", pid, fields[start]), nil
}
