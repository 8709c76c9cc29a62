package lab

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ShiftClock puts the daemon's clock of the day off by the offset, in whole seconds, until the daemon ends. To the
// daemon it looks like an administrator's `date -s`: timers and durations go on as they were.
//
// Namespaces shift only the clocks that count from the boot, and libfaketime needs the C library, which a static Go
// program has not. But such a program asks the kernel's code page that is mapped into it (the vDSO) for the time. Its
// clock_gettime is replaced here by one that asks the kernel and adds the offset.
func (p *Peer) ShiftClock(ctx context.Context, offset time.Duration) error {
	if runtime.GOARCH != "amd64" {
		return errors.New("clocks can be shifted on amd64 only")
	}
	pid, err := p.DaemonPID(ctx)
	if err != nil {
		return err
	}
	return Eventually(ctx, startLimit, func(ctx context.Context) error { return p.shift(ctx, pid, int32(offset/time.Second)) })
}

// shift stops the process for the change, and fails if a thread was just asking for the time.
func (p *Peer) shift(ctx context.Context, pid int, seconds int32) (err error) {
	page, err := findVDSO(pid)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	// nsenter stops when its child has stopped, and lets it go on when it goes on itself.
	parent := p.daemon.cmd.Process.Pid
	defer func() { err = errors.Join(err, syscall.Kill(parent, syscall.SIGCONT)) }()
	if err := Eventually(ctx, stopLimit, func(context.Context) error { return stopped(fmt.Sprintf("/proc/%d", parent)) }); err != nil {
		return err
	}
	if err := page.unused(pid); err != nil {
		return err
	}
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer memory.Close()
	image := make([]byte, page.end-page.start)
	if _, err := memory.ReadAt(image, int64(page.start)); err != nil { //nolint:gosec // an address of a user
		return err
	}
	at, size, err := symbol(image, "__vdso_clock_gettime")
	if err != nil {
		return err
	}
	code := clockGettime(seconds)
	if uint64(len(code)) > size {
		return fmt.Errorf("the vDSO's clock_gettime has %d bytes only", size)
	}
	_, err = memory.WriteAt(code, int64(page.start+at)) //nolint:gosec // as above
	return err
}

// clockGettime is x86-64 code of int clock_gettime(clockid, *timespec) that adds seconds to the clock of the day.
func clockGettime(seconds int32) []byte {
	code := []byte{
		0xb8, 228, 0, 0, 0, // mov $SYS_clock_gettime, %eax
		0x0f, 0x05, // syscall
		0x85, 0xff, // test %edi, %edi: CLOCK_REALTIME is 0
		0x75, 0x07, // jne to the end
		0x48, 0x81, 0x06, // addq $seconds, (%rsi)
	}
	code = binary.LittleEndian.AppendUint32(code, uint32(seconds)) //nolint:gosec // the two's complement is what is wanted
	return append(code, 0xc3)                                      // ret
}

// mapping is a range of addresses of a process.
type mapping struct{ start, end uint64 }

func findVDSO(pid int) (mapping, error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return mapping{}, err
	}
	for line := range strings.Lines(string(maps)) {
		var m mapping
		if strings.HasSuffix(strings.TrimSpace(line), "[vdso]") {
			_, err := fmt.Sscanf(line, "%x-%x", &m.start, &m.end)
			return m, err
		}
	}
	return mapping{}, fmt.Errorf("process %d has no vDSO", pid)
}

// unused returns an error unless every thread of a stopped process has stopped outside the range.
func (m mapping) unused(pid int) error {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*", pid))
	if err != nil {
		return err
	}
	for _, task := range tasks {
		if err := stopped(task); err != nil {
			return err
		}
		where, err := os.ReadFile(task + "/syscall")
		if err != nil {
			return err
		}
		fields := strings.Fields(string(where))
		at, err := strconv.ParseUint(fields[len(fields)-1], 0, 64) // the last field is the program counter
		if err != nil {
			return fmt.Errorf("%s/syscall: %q: %w", task, where, err)
		}
		if at >= m.start && at < m.end {
			return errors.New("a thread was asking for the time")
		}
	}
	return nil
}

// stopped returns an error unless a process, or a thread, has stopped; task is its folder in /proc.
func stopped(task string) error {
	stat, err := os.ReadFile(task + "/stat")
	if err != nil {
		return err
	}
	if state := stat[bytes.LastIndexByte(stat, ')')+2]; state != 'T' {
		return fmt.Errorf("%s is in state %c, not stopped", task, state)
	}
	return nil
}

// symbol finds a function in an ELF image.
func symbol(image []byte, name string) (at, size uint64, err error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, 0, err
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return 0, 0, err
	}
	for _, s := range symbols {
		if s.Name == name {
			return s.Value, s.Size, nil
		}
	}
	return 0, 0, fmt.Errorf("the vDSO has no %s", name)
}
