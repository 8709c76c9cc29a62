package client

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// maxMessage bounds one message of a stream, and each of its lines, in bytes.
const maxMessage = 1 << 20

// message is one block of a stream of server-sent events.
type message struct {
	id, event, data string
}

// sse reads a stream of server-sent events (the WHATWG's text/event-stream).
type sse struct{ lines *bufio.Scanner }

func newSSE(r io.Reader) *sse {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 4096), maxMessage)
	return &sse{lines: s}
}

var errLong = errors.New("a message of the stream is too long")

// next returns the next block, comments left out; a block of comments alone is an empty message. A block that the end
// of the stream cuts off is none.
func (s *sse) next() (message, error) {
	var m message
	var data []string
	size, any := 0, false
	for s.lines.Scan() {
		line := strings.TrimSuffix(s.lines.Text(), "\r")
		if line == "" {
			if !any {
				continue
			}
			m.data = strings.Join(data, "\n")
			return m, nil
		}
		any = true
		if size += len(line); size > maxMessage {
			return m, errLong
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			data = append(data, value)
		}
	}
	if err := s.lines.Err(); err != nil {
		return m, err
	}
	return m, io.EOF
}
